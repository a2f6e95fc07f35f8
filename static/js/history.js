// What is on the paper, and what was: every change can be undone, clearing, too.

export const BLANK = { picture: null, strokes: [] };

/** A drawing with its history; `changed()` is called after every change. */
export function drawing(changed, first = BLANK) {
  let now = first;
  let past = [];
  let future = [];

  function move(from, to) {
    if (!from.length) return;
    to.push(now);
    now = from.pop();
    changed();
  }

  function change(next) {
    past.push(now);
    future = [];
    now = { ...now, ...next };
    changed();
  }

  return {
    get now() {
      return now;
    },
    get isBlank() {
      return !now.picture && !now.strokes.length;
    },
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    add: (stroke) => change({ strokes: [...now.strokes, stroke] }),
    replace: (next) => change({ ...BLANK, ...next }),
    undo: () => move(past, future),
    redo: () => move(future, past),
    clear() {
      if (now.picture || now.strokes.length) change(BLANK);
    },
  };
}

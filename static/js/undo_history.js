// The drawing on the canvas and its undo history. Clearing can be undone, too.

/**
 * @typedef {object} Drawing
 * @property {?import("./upload.js").Picture} picture lies under the strokes
 * @property {import("./strokes.js").Stroke[]} strokes
 */

/** @type {Drawing} */
export const BLANK_DRAWING = { picture: null, strokes: [] };

const isBlank = ({ picture, strokes }) => !picture && !strokes.length;

/**
 * Create a drawing with an undo history.
 *
 * @param {() => void} onChange called after every change
 * @param {Drawing} [initial]
 * @returns {object} the current drawing, whether it is blank, can be undone or redone, and the actions on it
 */
export function createUndoHistory(onChange, initial = BLANK_DRAWING) {
  let current = initial;
  let past = [];
  let future = [];

  function step(from, to) {
    if (!from.length) return;
    to.push(current);
    current = from.pop();
    onChange();
  }

  function change(properties) {
    past.push(current);
    future = [];
    current = { ...current, ...properties };
    onChange();
  }

  return {
    get current() {
      return current;
    },
    get isBlank() {
      return isBlank(current);
    },
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    addStroke: (stroke) => change({ strokes: [...current.strokes, stroke] }),
    replace: (properties) => change({ ...BLANK_DRAWING, ...properties }),
    undo: () => step(past, future),
    redo: () => step(future, past),
    clear: () => isBlank(current) || change(BLANK_DRAWING),
  };
}

// The paper: turns what mouse, finger or pen do on a canvas into strokes, and shows them sharply.

import { paint } from "./strokes.js";

/** Make `canvas` a drawing board; `changed(strokes)` is called whenever the drawing changes. */
export function board(canvas, changed) {
  const context = canvas.getContext("2d");
  let strokes = [];
  let drawing = null; // the pointer that draws: a second finger or a resting palm does not

  function show() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    paint(context, strokes, canvas.width, getComputedStyle(canvas).color);
  }

  function update(next) {
    strokes = next;
    show();
    changed(strokes);
  }

  // Where on the paper, asked anew for each event: the page may have been scrolled, zoomed or resized.
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    event.preventDefault();
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing); // the stroke goes on when it leaves the paper
    update([...strokes, [place(event)]]);
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const passed = event.getCoalescedEvents?.() ?? []; // between two frames a pen reports many places
    const points = (passed.length ? passed : [event]).map(place);
    update([...strokes.slice(0, -1), [...strokes.at(-1), ...points]]);
  });

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === drawing) drawing = null;
    });
  }

  // As many canvas pixels as the screen has in that place.
  function fit() {
    const side = Math.round(canvas.getBoundingClientRect().width * devicePixelRatio);
    canvas.width = canvas.height = Math.max(1, side);
    show();
  }

  // Zooming, or a window that moves to another screen, changes the ratio but not always the size.
  function fitWhenRatioChanges() {
    fit();
    const now = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    now.addEventListener("change", fitWhenRatioChanges, { once: true });
  }

  new ResizeObserver(fit).observe(canvas);
  fitWhenRatioChanges();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);

  function replace(next) {
    drawing = null; // a stroke that is being drawn ends here
    update(next);
  }

  return {
    undo: () => replace(strokes.slice(0, -1)),
    clear: () => replace([]),
  };
}

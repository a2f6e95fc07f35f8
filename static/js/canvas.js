// The paper: turns what mouse, finger or pen do on a canvas into strokes, and shows them sharply.

import { render } from "./render.js";
import { HEIGHT, WIDTH, begin, length } from "./strokes.js";

const RUBBER = 5; // the button that is a pen turned round (W3C, Pointer Events)
const TAP = 40; // units: a finger that moved less when a second one comes began a pinch, not a stroke

/** Make `canvas` the place where `drawing` is seen and added to; `tool()` is {pen, erase}. A stroke that `began` may
 * come to nothing, and is `dropped`. */
export function board(canvas, drawing, tool, { began, dropped }) {
  const context = canvas.getContext("2d");
  let live = null; // the stroke that is being drawn
  let pointer = null; // what draws it: a resting palm does not
  let kind = null; // whether that is a mouse, a finger or a pen

  function show() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    render(context, drawing.now, { x: 0, y: 0, scale: canvas.width / WIDTH }, getComputedStyle(canvas).color, live);
  }

  // Where on the paper, asked anew for each event: the page may have been scrolled, zoomed or resized.
  function point(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const y = ((event.clientY - box.top) / box.height) * HEIGHT;
    return [x, y, event.pressure];
  }

  function stop(keep) {
    const stroke = live;
    live = pointer = null;
    if (!stroke) return;
    if (keep) drawing.add({ ...stroke });
    else dropped();
  }

  canvas.addEventListener("pointerdown", (event) => {
    const finger = event.pointerType === "touch";
    if (pointer !== null && kind === "touch") {
      if (!finger) stop(length(live) >= TAP); // a palm came before its pen
      else if (length(live) < TAP) stop(false); // two fingers: a pinch
    }
    if (pointer !== null || !(event.button === 0 || event.button === RUBBER) || !event.isPrimary) return;
    pointer = event.pointerId;
    kind = event.pointerType;
    canvas.setPointerCapture(pointer); // the stroke goes on when it leaves the paper
    const { pen, erase } = tool();
    live = begin(point(event), pen, erase || event.button === RUBBER, kind === "pen");
    began();
    show();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? []; // between two frames a pen reports many places
    live.points.push(...(passed.length ? passed : [event]).map(point));
    show();
  });

  canvas.addEventListener("pointerup", (event) => event.pointerId === pointer && stop(true));
  for (const end of ["pointercancel", "lostpointercapture"]) {
    // The browser took the finger for a pinch, or a window came between: a stroke that got somewhere is kept.
    canvas.addEventListener(end, (event) => event.pointerId === pointer && stop(length(live) >= TAP));
  }

  // As many canvas pixels as the screen has in that place.
  function fit() {
    const width = Math.max(4, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.round((width * HEIGHT) / WIDTH);
    if (width === canvas.width && height === canvas.height) return;
    Object.assign(canvas, { width, height });
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
  return { show, stop: () => stop(true) };
}

// The canvas: turns the movements of mouse, finger and pen into strokes, and shows the drawing.

import { renderDrawing } from "./rasterize.js";
import { CANVAS_HEIGHT, CANVAS_WIDTH, startStroke, strokeLength } from "./strokes.js";

const ERASER_BUTTON = 5; // the button of a pen's eraser end (W3C, Pointer Events)

// Units. If a second finger comes before the first one has moved this far, the two begin a pinch and not a stroke.
const MIN_TOUCH_STROKE_LENGTH = 40;

/**
 * Let the user draw on `canvas`.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ReturnType<typeof import("./undo_history.js").createUndoHistory>} history finished strokes are added to it
 * @param {() => {penWidth: number, isEraser: boolean}} getTool
 * @param {{onStrokeStart: () => void, onStrokeCancel: () => void}} listeners a started stroke is either added to the
 *   history or canceled
 * @returns {{redraw: () => void, finishStroke: () => void}}
 */
export function initCanvas(canvas, history, getTool, { onStrokeStart, onStrokeCancel }) {
  const context = canvas.getContext("2d");
  const recorder = createStrokeRecorder(history.addStroke, onStrokeCancel);
  const isActive = (event) => event.pointerId === recorder.pointerId;

  function redraw() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    const view = { x: 0, y: 0, scale: canvas.width / CANVAS_WIDTH };
    renderDrawing(context, history.current, view, getComputedStyle(canvas).color, recorder.stroke);
  }

  canvas.addEventListener("pointerdown", (event) => {
    recorder.endOnSecondPointer(event);
    if (!recorder.canStart(event)) return;
    recorder.start(event, toPoint(event, canvas), getTool());
    canvas.setPointerCapture(event.pointerId); // the stroke continues outside the canvas
    onStrokeStart();
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!isActive(event)) return;
    const coalesced = event.getCoalescedEvents?.() ?? []; // a pen reports several positions per frame
    recorder.stroke.points.push(...(coalesced.length ? coalesced : [event]).map((one) => toPoint(one, canvas)));
    redraw();
  });
  canvas.addEventListener("pointerup", (event) => isActive(event) && recorder.finish());
  for (const type of ["pointercancel", "lostpointercapture"]) {
    // The browser took the finger for a pinch, or another window interrupted.
    canvas.addEventListener(type, (event) => isActive(event) && recorder.finishOrCancel());
  }
  fitCanvasToScreen(canvas, redraw);
  return { redraw, finishStroke: recorder.finish };
}

/** Convert an event to a point. The box is read each time: the page may have been scrolled, zoomed or resized. */
function toPoint(event, canvas) {
  const box = canvas.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * CANVAS_WIDTH;
  const y = ((event.clientY - box.top) / box.height) * CANVAS_HEIGHT;
  return [x, y, event.pressure];
}

/** Create the recorder of one stroke at a time. It follows one pointer; others, such as a resting palm, do not draw. */
function createStrokeRecorder(onFinish, onCancel) {
  let stroke = null;
  let pointerId = null;
  let pointerType = null; // "mouse", "touch" or "pen"

  function end(keep) {
    const ended = stroke;
    stroke = pointerId = null;
    if (!ended) return;
    if (keep) onFinish({ ...ended });
    else onCancel();
  }

  const isLongEnough = () => strokeLength(stroke) >= MIN_TOUCH_STROKE_LENGTH;

  return {
    get stroke() {
      return stroke;
    },
    get pointerId() {
      return pointerId;
    },
    canStart: ({ button, isPrimary }) => pointerId === null && [0, ERASER_BUTTON].includes(button) && isPrimary,
    start(event, point, { penWidth, isEraser }) {
      ({ pointerId, pointerType } = event);
      const options = { isEraser: isEraser || event.button === ERASER_BUTTON, hasPressure: pointerType === "pen" };
      stroke = startStroke(point, penWidth, options);
    },
    /** End the stroke of a finger if another pointer shows that it was a palm, or the first of two that pinch. */
    endOnSecondPointer(event) {
      if (pointerId === null || pointerType !== "touch") return;
      if (event.pointerType !== "touch") end(isLongEnough()); // the palm touched before its pen
      else if (!isLongEnough()) end(false); // two fingers: a pinch
    },
    finish: () => end(true),
    /** End an interrupted stroke: it is kept if it is long enough. */
    finishOrCancel: () => end(isLongEnough()),
  };
}

/** Give the canvas as many pixels as the screen has in its place, now and after every change. */
function fitCanvasToScreen(canvas, redraw) {
  function fit() {
    const width = Math.max(4, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.round((width * CANVAS_HEIGHT) / CANVAS_WIDTH);
    if (width === canvas.width && height === canvas.height) return;
    Object.assign(canvas, { width, height });
    redraw();
  }

  /** Zooming or a move to another screen changes the pixel ratio, but not always the size that is observed. */
  function fitAfterRatioChange() {
    fit();
    const currentRatio = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    currentRatio.addEventListener("change", fitAfterRatioChange, { once: true });
  }

  new ResizeObserver(fit).observe(canvas);
  fitAfterRatioChange();
}

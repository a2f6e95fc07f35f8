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
 *   history or cancelled
 * @returns {{redraw: () => void, finishStroke: () => void}}
 */
export function initCanvas(canvas, history, getTool, { onStrokeStart, onStrokeCancel }) {
  const context = canvas.getContext("2d");
  let activeStroke = null;
  let activePointer = null; // the id of the pointer that draws it; others, such as a resting palm, do not
  let pointerType = null; // "mouse", "touch" or "pen"

  function redraw() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    const view = { x: 0, y: 0, scale: canvas.width / CANVAS_WIDTH };
    renderDrawing(context, history.current, view, getComputedStyle(canvas).color, activeStroke);
  }

  /** Convert an event to a point. The box is read each time: the page may have been scrolled, zoomed or resized. */
  function toPoint(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * CANVAS_WIDTH;
    const y = ((event.clientY - box.top) / box.height) * CANVAS_HEIGHT;
    return [x, y, event.pressure];
  }

  function endStroke(keep) {
    const stroke = activeStroke;
    activeStroke = activePointer = null;
    if (!stroke) return;
    if (keep) history.addStroke({ ...stroke });
    else onStrokeCancel();
  }

  const isLongEnough = () => strokeLength(activeStroke) >= MIN_TOUCH_STROKE_LENGTH;

  canvas.addEventListener("pointerdown", (event) => {
    if (activePointer !== null && pointerType === "touch") {
      if (event.pointerType !== "touch") endStroke(isLongEnough()); // the palm touched before its pen
      else if (!isLongEnough()) endStroke(false); // two fingers: a pinch
    }
    const isEraserEnd = event.button === ERASER_BUTTON;
    if (activePointer !== null || !(event.button === 0 || isEraserEnd) || !event.isPrimary) return;
    activePointer = event.pointerId;
    pointerType = event.pointerType;
    canvas.setPointerCapture(activePointer); // the stroke continues outside the canvas
    const { penWidth, isEraser } = getTool();
    const options = { isEraser: isEraser || isEraserEnd, hasPressure: pointerType === "pen" };
    activeStroke = startStroke(toPoint(event), penWidth, options);
    onStrokeStart();
    redraw();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== activePointer) return;
    const coalesced = event.getCoalescedEvents?.() ?? []; // a pen reports several positions per frame
    activeStroke.points.push(...(coalesced.length ? coalesced : [event]).map(toPoint));
    redraw();
  });

  canvas.addEventListener("pointerup", (event) => event.pointerId === activePointer && endStroke(true));
  for (const type of ["pointercancel", "lostpointercapture"]) {
    // The browser took the finger for a pinch, or another window interrupted: a stroke that is long enough is kept.
    canvas.addEventListener(type, (event) => event.pointerId === activePointer && endStroke(isLongEnough()));
  }

  /** Give the canvas as many pixels as the screen has in its place. */
  function fitToScreen() {
    const width = Math.max(4, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.round((width * CANVAS_HEIGHT) / CANVAS_WIDTH);
    if (width === canvas.width && height === canvas.height) return;
    Object.assign(canvas, { width, height });
    redraw();
  }

  /** Zooming or a move to another screen changes the pixel ratio, but not always the size that is observed. */
  function fitAfterRatioChange() {
    fitToScreen();
    const currentRatio = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    currentRatio.addEventListener("change", fitAfterRatioChange, { once: true });
  }

  new ResizeObserver(fitToScreen).observe(canvas);
  fitAfterRatioChange();
  return { redraw, finishStroke: () => endStroke(true) };
}

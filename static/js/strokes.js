// Strokes as data: points on a canvas of CANVAS_WIDTH × CANVAS_HEIGHT units. Units do not depend on the screen, so a
// drawing can be painted again at any size and in any color, and the server always gets the same points.

import { getStroke } from "../vendor/perfect-freehand.js";

export const CANVAS_WIDTH = 1000; // units
export const CANVAS_HEIGHT = 750; // units
export const PEN_WIDTHS = [24, 40, 75]; // units: for many digits, for up to four, for one that fills the canvas
const ERASER_FACTOR = 1.6; // width of the eraser in widths of the pen

/**
 * @typedef {object} Stroke
 * @property {number[][]} points [x, y, pressure]: x and y in units, pressure in [0, 1]
 * @property {number} penWidth units
 * @property {boolean} isEraser
 * @property {boolean} hasPressure whether the device measures pressure; otherwise it is simulated from the speed
 */

const finishedPaths = new WeakMap(); // Stroke → Path2D: a finished stroke does not change

/**
 * Start a stroke with one point.
 *
 * @param {number[]} point
 * @param {number} penWidth
 * @param {{isEraser: boolean, hasPressure: boolean}} [options]
 * @returns {Stroke}
 */
export const startStroke = (point, penWidth, { isEraser = false, hasPressure = false } = {}) => ({
  points: [point],
  penWidth,
  isEraser,
  hasPressure,
});

/**
 * The width of a stroke where the pen is pressed or moved as usual.
 *
 * @param {Stroke} stroke
 * @returns {number} units
 */
export const strokeWidth = ({ penWidth, isEraser }) => (isEraser ? ERASER_FACTOR * penWidth : penWidth);

/** Build the outline of a stroke as a Path2D: wider where the pen is pressed or slow, with a smooth edge. */
function buildPath(stroke, isFinished) {
  if (finishedPaths.has(stroke)) return finishedPaths.get(stroke);
  const outline = getStroke(stroke.points, {
    size: strokeWidth(stroke),
    thinning: stroke.isEraser ? 0 : 0.35,
    smoothing: 0.6,
    streamline: 0.15, // a higher value cuts the corners of fast strokes
    simulatePressure: !stroke.hasPressure,
    last: true, // the outline reaches the last point
  });
  const path = new Path2D();
  outline.forEach(([x, y], i) => {
    const [nextX, nextY] = outline[(i + 1) % outline.length];
    const middle = [(x + nextX) / 2, (y + nextY) / 2];
    if (i === 0) path.moveTo(...middle);
    else path.quadraticCurveTo(x, y, ...middle);
  });
  path.closePath();
  if (isFinished) finishedPaths.set(stroke, path);
  return path;
}

/**
 * Paint strokes on a canvas.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke[]} strokes
 * @param {number} scale pixels per unit
 * @param {string} color
 * @param {?Stroke} [activeStroke] the unfinished stroke, painted last
 */
export function paintStrokes(context, strokes, scale, color, activeStroke = null) {
  context.save();
  context.scale(scale, scale);
  context.fillStyle = color;
  for (const stroke of activeStroke ? [...strokes, activeStroke] : strokes) {
    context.globalCompositeOperation = stroke.isEraser ? "destination-out" : "source-over";
    context.fill(buildPath(stroke, stroke !== activeStroke));
  }
  context.restore();
}

/**
 * Measure the length of a stroke.
 *
 * @param {Stroke} stroke
 * @returns {number} units
 */
export const strokeLength = ({ points }) =>
  points.slice(1).reduce((sum, [x, y], i) => sum + Math.hypot(x - points[i][0], y - points[i][1]), 0);

// A drawing is data: strokes of points on a paper that is always as wide and high as this, so that it can be painted
// again at any size, in any colour, and sent at one size whatever screen it was drawn on.

import { getStroke } from "../vendor/perfect-freehand.js";

export const WIDTH = 1000;
export const HEIGHT = 750;
export const PENS = [24, 40, 75]; // in the same units: for many digits, for up to four, for one that fills the paper
const ERASER = 1.6; // times as wide as the pen

const known = new WeakMap(); // paths of strokes that are done, as they do not change

/** A new stroke: `pressed` where the points [x, y, pressure] know how hard the pen was pressed. */
export const begin = (point, pen, erase, pressed) => ({ points: [point], pen, erase, pressed });

/** What a stroke covers, as a Path2D: wider where the pen is pressed or slow, with a smooth edge. */
function shape(stroke, done) {
  if (known.has(stroke)) return known.get(stroke);
  const ring = getStroke(stroke.points, {
    size: stroke.erase ? ERASER * stroke.pen : stroke.pen,
    thinning: stroke.erase ? 0 : 0.35,
    smoothing: 0.6,
    streamline: 0.15, // more would cut the corners of a quick hand
    simulatePressure: !stroke.pressed,
    last: true, // up to where the pen is
  });
  const path = new Path2D();
  ring.forEach(([x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length];
    const middle = [(x + nextX) / 2, (y + nextY) / 2];
    if (i === 0) path.moveTo(...middle);
    else path.quadraticCurveTo(x, y, ...middle);
  });
  path.closePath();
  if (done) known.set(stroke, path);
  return path;
}

/** Paint strokes, the one that is being drawn last, with `scale` pixels to a unit. */
export function paint(context, strokes, scale, colour, live = null) {
  context.save();
  context.scale(scale, scale);
  context.fillStyle = colour;
  for (const stroke of live ? [...strokes, live] : strokes) {
    context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    context.fill(shape(stroke, stroke !== live));
  }
  context.restore();
}

/** How far the pen went. */
export const length = ({ points }) =>
  points.slice(1).reduce((sum, [x, y], i) => sum + Math.hypot(x - points[i][0], y - points[i][1]), 0);

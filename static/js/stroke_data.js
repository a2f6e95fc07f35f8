// Strokes as JSON for the server: their points, without the pen, and without what the eraser has removed.

import { CANVAS_HEIGHT, CANVAS_WIDTH, strokeLength, strokeWidth } from "./strokes.js";

const MIN_POINT_DISTANCE = 2; // units: the server needs no more points for the smallest digit
const ERASING_STEP = 4; // units: where the eraser passed is found on points so far apart
const MAX_STROKES = 200; // more are too many marks for the server
const MAX_POINTS = 20_000; // the limit of the server

/**
 * Encode strokes for the server.
 *
 * @param {import("./strokes.js").Stroke[]} strokes
 * @returns {?{json: string, isBlank: boolean}} the JSON; whether everything was erased; null if there are more strokes
 *   or points than the server takes
 */
export function encodeStrokes(strokes) {
  const lines = eraseStrokes(strokes).map(thin);
  const pointCount = lines.reduce((sum, points) => sum + points.length, 0);
  if (lines.length > MAX_STROKES || pointCount > MAX_POINTS) return null;
  const json = JSON.stringify({ strokes: lines, width: CANVAS_WIDTH, height: CANVAS_HEIGHT });
  return { json, isBlank: !lines.length };
}

/** Return the points of each stroke that is left: an eraser parts the strokes that were drawn before it. */
function eraseStrokes(strokes) {
  let left = [];
  for (const stroke of strokes) {
    if (stroke.isEraser) left = left.flatMap((line) => eraseLine(line, stroke));
    else left.push(stroke);
  }
  return left.map(({ points }) => points);
}

/** Return the parts of a stroke that an eraser leaves. It removes the ink where it covers the middle of the stroke. */
function eraseLine(line, eraser) {
  const radius = strokeWidth(eraser) / 2;
  const parts = [[]];
  for (const point of interpolate(line.points)) {
    if (isNear(point, eraser.points, radius)) parts.push([]);
    else parts.at(-1).push(point);
  }
  if (parts.length === 1) return [line];
  // Shorter parts than the pen is wide are specks.
  return parts.map((points) => ({ ...line, points })).filter((part) => strokeLength(part) > line.penWidth);
}

/** Insert points so that none is further than ERASING_STEP from the next. */
function interpolate(points) {
  return points.flatMap(([x, y], i) => {
    const [nextX, nextY] = points[i + 1] ?? [x, y];
    const count = Math.max(1, Math.ceil(Math.hypot(nextX - x, nextY - y) / ERASING_STEP));
    return Array.from({ length: count }, (_, k) => [x + ((nextX - x) * k) / count, y + ((nextY - y) * k) / count]);
  });
}

/** Whether a point is nearer to a line through `points` than `distance`. */
function isNear([x, y], points, distance) {
  return points.some(([startX, startY], i) => {
    const [endX, endY] = points[i + 1] ?? [startX, startY];
    const [dx, dy] = [endX - startX, endY - startY];
    const along = ((x - startX) * dx + (y - startY) * dy) / (dx * dx + dy * dy || 1);
    const share = Math.min(Math.max(along, 0), 1);
    return Math.hypot(x - startX - share * dx, y - startY - share * dy) < distance;
  });
}

/** Leave out points that are close to the one before, but not the last; round to tenths of a unit. */
function thin(points) {
  const kept = [points[0]];
  for (const point of points) {
    const [x, y] = kept.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) >= MIN_POINT_DISTANCE) kept.push(point);
  }
  if (points.length > 1 && kept.at(-1) !== points.at(-1)) kept.push(points.at(-1));
  return kept.map(([x, y]) => [Math.round(10 * x) / 10, Math.round(10 * y) / 10]);
}

// Ten sample digits for users who cannot or do not want to draw.

// The strokes of each digit: x and y of their control points by turns, in a box of 100 × 140.
const DIGITS = [
  [[62, 8, 40, 6, 20, 26, 12, 62, 16, 104, 36, 132, 62, 130, 82, 104, 88, 66, 82, 30, 66, 10, 54, 8]],
  [[34, 30, 48, 20, 58, 6, 56, 50, 54, 96, 52, 134]],
  [[18, 34, 28, 14, 50, 6, 74, 16, 80, 38, 70, 64, 44, 98, 16, 130, 50, 126, 90, 130]],
  [[20, 20, 42, 6, 70, 14, 76, 36, 62, 56, 42, 64, 66, 68, 84, 90, 78, 116, 54, 132, 28, 128, 14, 114]],
  [[62, 6, 40, 44, 14, 88, 50, 90, 92, 88], [68, 60, 66, 96, 64, 134]],
  [[78, 10, 50, 10, 30, 12, 26, 40, 22, 62, 48, 56, 72, 66, 82, 92, 72, 118, 46, 132, 16, 124]],
  [[70, 8, 46, 26, 26, 60, 16, 98, 28, 126, 54, 132, 76, 116, 78, 92, 60, 78, 36, 84, 20, 102]],
  [[14, 14, 50, 12, 86, 12, 68, 48, 52, 88, 42, 132]],
  [[74, 26, 54, 8, 28, 16, 26, 40, 48, 62, 72, 86, 76, 112, 56, 132, 30, 126, 20, 104, 36, 76, 62, 54, 76, 34, 72, 20]],
  [[78, 40, 66, 12, 40, 8, 20, 28, 24, 56, 48, 66, 70, 54, 80, 30, 78, 70, 72, 104, 64, 134]],
];

const [LEFT, TOP] = [300, 95]; // units of the canvas: centers the box
const SCALE = 4; // units of the canvas per unit of the box
const PRESSURE = 0.5;
const POINTS_PER_SEGMENT = 8;

/**
 * Compute the strokes of a sample digit, in the middle of the canvas.
 *
 * @param {number} digit
 * @returns {number[][][]} for each stroke its points [x, y, pressure]
 */
export function sampleStrokes(digit) {
  return DIGITS[digit].map((coordinates) => {
    const points = [];
    for (let i = 0; i < coordinates.length; i += 2) {
      points.push([LEFT + SCALE * coordinates[i], TOP + SCALE * coordinates[i + 1], PRESSURE]);
    }
    return interpolate(points);
  });
}

/** Interpolate a smooth curve through points (Catmull and Rom 1974). */
function interpolate(points) {
  const at = (i) => points[Math.min(Math.max(i, 0), points.length - 1)];
  const curve = points.slice(1).flatMap((_, i) =>
    Array.from({ length: POINTS_PER_SEGMENT }, (_, k) => {
      const u = k / POINTS_PER_SEGMENT;
      const spline = (axis) => {
        const [a, b, c, d] = [i - 1, i, i + 1, i + 2].map((j) => at(j)[axis]);
        return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)));
      };
      return [spline(0), spline(1), PRESSURE];
    }),
  );
  return [...curve, points.at(-1)];
}

// Grids of numbers as pictures: one pixel per number. The style sheet enlarges them.

import { createElement } from "./dom.js";
import { cssColor } from "./theme.js";

/** Pixels of each side of a normalized digit; the digit in it has fewer: DIGIT_SIZE in normalization.js. */
export const IMAGE_SIZE = 28;

/** CSS pixels of a magnified digit: six per pixel. */
export const DIGIT_VIEW_SIZE = 168;

/**
 * Paint a grid in one color, with an opacity proportional to the absolute value.
 *
 * @param {HTMLCanvasElement} canvas resized to the grid
 * @param {number[][]} values rows of numbers
 * @param {number} limit the absolute value that is painted opaque
 * @param {string} color a custom property of the style sheet
 */
export function paintGrid(canvas, values, limit, color) {
  paintDiverging(canvas, values, limit, color, color);
}

/**
 * Paint a grid in two colors, one for positive and one for negative numbers.
 *
 * @param {HTMLCanvasElement} canvas resized to the grid
 * @param {number[][]} values rows of numbers
 * @param {number} limit the absolute value that is painted opaque
 * @param {string} [positive] a custom property of the style sheet
 * @param {string} [negative]
 */
export function paintDiverging(canvas, values, limit, positive = "--positive", negative = "--negative") {
  const [height, width] = [values.length, values[0].length];
  const [positiveColor, negativeColor] = [cssColor(positive), cssColor(negative)];
  const image = new ImageData(width, height);
  values.flat().forEach((value, i) => {
    image.data.set(value < 0 ? negativeColor : positiveColor, 4 * i);
    image.data[4 * i + 3] = limit ? 255 * Math.min(1, Math.abs(value) / limit) : 0;
  });
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/**
 * Paint a grid on a canvas of its own, which can be drawn on another one.
 *
 * @param {number[][]} values rows of numbers
 * @param {number} limit the absolute value that is painted opaque
 * @param {string} color a custom property of the style sheet
 * @returns {HTMLCanvasElement}
 */
export function gridToCanvas(values, limit, color) {
  const canvas = createElement("canvas");
  paintGrid(canvas, values, limit, color);
  return canvas;
}

/**
 * Give a square canvas as many pixels as the screen has in `size` × `size` CSS pixels. This clears it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} size CSS pixels
 * @returns {CanvasRenderingContext2D}
 */
export function resizeToDevicePixels(canvas, size) {
  const pixels = Math.round(size * devicePixelRatio);
  Object.assign(canvas, { width: pixels, height: pixels });
  return canvas.getContext("2d");
}

/**
 * Find the largest absolute value in a nested array of numbers; 0 if it is empty.
 *
 * @param {number[] | number[][] | number[][][]} values
 * @returns {number}
 */
export const maxAbs = (values) => values.flat(2).reduce((max, value) => Math.max(max, Math.abs(value)), 0);

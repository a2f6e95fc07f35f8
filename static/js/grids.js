// Grids of numbers as pictures: a pixel a number, enlarged by the style sheet.

import { canvasOf } from "./render.js";
import { colour } from "./theme.js";

/** Paint `values`, rows of numbers, into `canvas`: as much of `name`'s colour as they are of `most`. */
export function paintGrid(canvas, values, most, name) {
  paintBoth(canvas, values, most, name, name);
}

/** The same, with another colour for numbers below 0. */
export function paintBoth(canvas, values, most, above = "--for", below = "--against") {
  const [height, width] = [values.length, values[0].length];
  const [yes, no] = [colour(above), colour(below)];
  const image = new ImageData(width, height);
  values.flat().forEach((value, i) => {
    image.data.set(value < 0 ? no : yes, 4 * i);
    image.data[4 * i + 3] = most ? 255 * Math.min(1, Math.abs(value) / most) : 0;
  });
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A picture of `values` of its own, to draw elsewhere. */
export function gridOf(values, most, name) {
  const canvas = canvasOf(1, 1);
  paintGrid(canvas, values, most, name);
  return canvas;
}

/** Give `canvas` as many pixels as the screen has in `width` by `height` CSS pixels: its context. */
export function sharp(canvas, width, height = width) {
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  return canvas.getContext("2d");
}

export const largest = (values) => values.flat(2).reduce((a, b) => Math.max(a, Math.abs(b)), 0);

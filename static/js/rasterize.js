// Drawings as pixels on the screen, and as what is sent to the server: strokes, or a picture.

import { createElement } from "./dom.js";
import { encodeStrokes } from "./stroke_data.js";
import { CANVAS_HEIGHT, CANVAS_WIDTH, paintStrokes } from "./strokes.js";

// Pixels. A digit of a tenth of the canvas then still has more pixels than a digit of MNIST.
const SNAPSHOT_WIDTH = 360;

/** Pixels of the longer side of a picture that is shown, drawn on and sent. */
export const MAX_PICTURE_SIDE = 1600;

/**
 * Render part of a drawing.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./undo_history.js").Drawing} drawing
 * @param {{x: number, y: number, scale: number}} view the point (in units) at the top left corner, and pixels per unit
 * @param {string} color of the strokes; a picture below them brings its own
 * @param {?import("./strokes.js").Stroke} [activeStroke] the unfinished stroke
 */
export function renderDrawing(context, { picture, strokes }, { x, y, scale }, color, activeStroke = null) {
  context.save();
  context.translate(-x * scale, -y * scale);
  paintStrokes(context, strokes, scale, picture?.strokeColor ?? color, activeStroke);
  if (picture) {
    const { rect } = picture;
    // The picture is painted below the strokes, after them: so the eraser does not erase it.
    context.globalCompositeOperation = "destination-over";
    context.drawImage(picture.image, rect.x * scale, rect.y * scale, rect.width * scale, rect.height * scale);
    // Around the picture the canvas is as light or dark as the picture.
    context.fillStyle = picture.strokeColor === "white" ? "black" : "white";
    context.fillRect(0, 0, CANVAS_WIDTH * scale, CANVAS_HEIGHT * scale);
  }
  context.restore();
}

/**
 * What is sent to the server, a picture or strokes, and its position on the canvas.
 *
 * @typedef {object} Snapshot
 * @property {import("./undo_history.js").Drawing} drawing
 * @property {Blob} blob the picture file, or the strokes as JSON
 * @property {boolean} [isJson] whether these are strokes
 * @property {number} scale units per pixel of the picture, or per unit of the strokes
 * @property {number} x of the top left corner, in units
 * @property {number} y
 */

/**
 * Make what is sent to the server. Strokes alone are sent as their points, a picture alone as the original file, and
 * strokes on a picture as a picture of both.
 *
 * @param {import("./undo_history.js").Drawing} drawing
 * @returns {?Snapshot} null if everything was erased
 */
export function takeSnapshot(drawing) {
  const { picture, strokes } = drawing;
  if (picture && !strokes.length) {
    const { x, y, width } = picture.rect;
    return { drawing, blob: picture.file, scale: width / picture.width, x, y };
  }
  const encoded = picture ? null : encodeStrokes(strokes);
  if (encoded?.isBlank) return null;
  if (encoded) return { drawing, blob: new Blob([encoded.json]), isJson: true, scale: 1, x: 0, y: 0 };
  const wholeCanvas = { x: 0, y: 0, width: CANVAS_WIDTH, height: CANVAS_HEIGHT };
  const { x, y, width, height } = picture && areInside(strokes, picture.rect) ? picture.rect : wholeCanvas;
  const pictureScale = picture ? picture.image.width / picture.rect.width : 0; // pixels per unit
  const preferredScale = Math.max(SNAPSHOT_WIDTH / CANVAS_WIDTH, pictureScale);
  const scale = Math.min(preferredScale, MAX_PICTURE_SIDE / Math.max(width, height));
  const canvas = createElement("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = canvas.getContext("2d", { willReadFrequently: true }); // by encodePng
  renderDrawing(context, drawing, { x, y, scale }, "black");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return { drawing, blob: encodePng(canvas), scale: 1 / scale, x, y };
}

/**
 * Convert a box from pixels of a snapshot to units of the canvas.
 *
 * @param {Snapshot} snapshot
 * @param {number[]} box left, top, right, bottom
 * @returns {{x: number, y: number, width: number, height: number}}
 */
export const toCanvasUnits = ({ x, y, scale }, [left, top, right, bottom]) => ({
  x: x + left * scale,
  y: y + top * scale,
  width: (right - left) * scale,
  height: (bottom - top) * scale,
});

function areInside(strokes, { x, y, width, height }) {
  const isInside = ([left, top]) => left >= x && left <= x + width && top >= y && top <= y + height;
  return strokes.every(({ points }) => points.every(isInside));
}

/** Encode a canvas as a PNG. Not with toBlob(), which waits up to a second until Chromium is idle. */
const encodePng = (canvas) => new Blob([decodeDataUrl(canvas.toDataURL("image/png"))], { type: "image/png" });

/**
 * Decode the content of a data: URL in base64. Not with fetch(), which the Content-Security-Policy forbids.
 *
 * @param {string} url
 * @returns {Uint8Array}
 */
export function decodeDataUrl(url) {
  const characters = atob(url.slice(url.indexOf(",") + 1));
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

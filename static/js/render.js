// A drawing as pixels: strokes, and the picture below them if there is one.

import { HEIGHT, WIDTH, paint } from "./strokes.js";

export const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

/**
 * Render what lies at `view`, {x, y, scale}, of a drawing: the corner of the paper that comes to the canvas's corner,
 * and the pixels of a unit. `live` is a stroke that is not done yet.
 */
export function render(context, { picture, strokes }, { x, y, scale }, colour, live = null) {
  context.save();
  context.translate(-x * scale, -y * scale);
  paint(context, strokes, scale, picture?.ink ?? colour, live);
  if (picture) {
    const { place } = picture;
    context.globalCompositeOperation = "destination-over"; // rubbing out spares the picture
    context.drawImage(picture.image, place.x * scale, place.y * scale, place.width * scale, place.height * scale);
    context.fillStyle = picture.ink === "white" ? "black" : "white"; // the paper goes on as the picture does
    context.fillRect(0, 0, WIDTH * scale, HEIGHT * scale);
  }
  context.restore();
}

const SENT = 360; // pixels that a drawing is wide when it is sent: a digit of a tenth of the paper has more than MNIST's size
export const MIXED = 1600; // pixels of the longer side of a picture as it is shown and drawn on

/**
 * What is to be sent of a drawing; null where nothing is left of it.
 *
 * `{drawing, blob, scale, x, y}`: a pixel of the picture in `blob` is `scale` units wide on the paper, its corner at x, y.
 */
export function sent(drawing) {
  const { picture, strokes } = drawing;
  if (picture && !strokes.length) {
    const { x, y, width } = picture.place;
    return { drawing, blob: picture.file, scale: width / picture.width, x, y };
  }
  const paper = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const { x, y, width, height } = picture && within(picture.place, strokes) ? picture.place : paper;
  const own = Math.max(SENT / WIDTH, picture ? picture.image.width / picture.place.width : 0); // pixels of a unit
  const scale = Math.min(own, MIXED / Math.max(width, height));
  const canvas = canvasOf(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  render(context, drawing, { x, y, scale }, "black");
  if (strokes.some(({ erase }) => erase) && isEmpty(context)) return null;
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return { drawing, blob: png(canvas), scale: 1 / scale, x, y };
}

/** Whether all strokes are on the picture, and not beside it. */
function within({ x, y, width, height }, strokes) {
  const on = ([left, top]) => left >= x && left <= x + width && top >= y && top <= y + height;
  return strokes.every(({ points }) => points.every(on));
}

/** A PNG file of what is on `canvas`. Made at once: toBlob waits up to a second for Chromium to be idle. */
function png(canvas) {
  const bytes = atob(canvas.toDataURL("image/png").split(",")[1]);
  return new Blob([Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))], { type: "image/png" });
}

function isEmpty(context) {
  const { data } = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  return !data.some((value, i) => i % 4 === 3 && value > 20);
}

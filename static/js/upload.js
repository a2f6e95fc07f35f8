// Pictures that the user drops, pastes or picks, and their place on the canvas.

import { createElement } from "./dom.js";
import { MAX_PICTURE_SIDE } from "./rasterize.js";
import { CANVAS_HEIGHT, CANVAS_WIDTH } from "./strokes.js";

/**
 * A picture on the canvas.
 *
 * @typedef {object} Picture
 * @property {ImageBitmap} image downscaled to at most MAX_PICTURE_SIDE
 * @property {Blob} file that is sent to the server
 * @property {Source} source
 * @property {number} width of the file's picture in pixels; the boxes of the server are in these pixels
 * @property {{x: number, y: number, width: number, height: number}} rect in units of the canvas
 * @property {"white" | "black"} strokeColor contrasts with the picture
 */

/**
 * A page of a file that the user opened.
 *
 * @typedef {object} Source
 * @property {File} file
 * @property {number} page from 1
 * @property {number} pages in the file
 */

/**
 * Load a picture and center it on the canvas.
 *
 * @param {Blob} file
 * @param {Source} source
 * @returns {Promise<?Picture>} null if the browser cannot decode the file
 */
export async function loadPicture(file, source) {
  let original;
  try {
    original = await createImageBitmap(file);
  } catch {
    return null;
  }
  const pixelWidth = original.width;
  const image = await downscale(original);
  const scale = Math.min(CANVAS_WIDTH / image.width, CANVAS_HEIGHT / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  const rect = { x: (CANVAS_WIDTH - width) / 2, y: (CANVAS_HEIGHT - height) / 2, width, height };
  const strokeColor = needsWhitePen(image) ? "white" : "black";
  return { image, file, source, width: pixelWidth, rect, strokeColor };
}

/** Downscale a large picture: a photo takes 48 MB and would be painted again with every move of the pen. */
async function downscale(image) {
  const scale = MAX_PICTURE_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const size = { resizeWidth: Math.round(image.width * scale), resizeHeight: Math.round(image.height * scale) };
  const downscaled = await createImageBitmap(image, { ...size, resizeQuality: "high" });
  image.close();
  return downscaled;
}

/** Whether a black pen would be invisible: most of the picture is dark, or it is light writing on transparency. */
function needsWhitePen(image) {
  const side = 64; // pixels: enough to judge the brightness
  const context = createElement("canvas", { width: side, height: side }).getContext("2d");
  context.drawImage(image, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  let [light, opaque] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    light += (data[i + 3] * (data[i] + data[i + 1] + data[i + 2])) / (3 * 255);
    opaque += data[i + 3] / 255;
  }
  const area = side * side;
  if (opaque / area > 0.5) return (light + 255 * (area - opaque)) / area < 110;
  return light / opaque > 128; // the server also assumes a dark background behind light writing
}

/**
 * Listen for pictures that are dropped on the page, pasted into it, or picked with a file input.
 *
 * @param {HTMLElement} dropZone highlighted while a file is dragged over the page
 * @param {HTMLInputElement[]} inputs
 * @param {(file: File) => void} onFile
 */
export function listenForPictures(dropZone, inputs, onFile) {
  const selectFile = (files) => [...files].find(({ type }) => type.startsWith("image/")) ?? files[0];
  for (const type of ["dragenter", "dragover"]) {
    addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // otherwise the browser opens the file instead of dropping it
      dropZone.classList.add("drag-over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || dropZone.classList.remove("drag-over"));
  addEventListener("drop", (event) => {
    dropZone.classList.remove("drag-over");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    onFile(selectFile(event.dataTransfer.files));
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) onFile(selectFile(event.clipboardData.files));
  });
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (input.files.length) onFile(input.files[0]);
      input.value = ""; // so that the same file can be picked again
    });
  }
}

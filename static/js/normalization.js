// The first step of the explanation: how a drawn digit becomes the 28×28 numbers that the network sees.

import { byId } from "./dom.js";
import { DIGIT_VIEW_SIZE, IMAGE_SIZE, gridToCanvas, resizeToDevicePixels } from "./pixel_grids.js";
import { renderDrawing, toCanvasUnits } from "./rasterize.js";
import { cssColor, setStroke } from "./theme.js";

const DIGIT_SIZE = 20; // pixels of the digit's longer side, as in MNIST

/**
 * Show how a digit is cropped, scaled and centered.
 *
 * @param {object} frame of the answer of api/explain
 * @param {import("./rasterize.js").Snapshot} snapshot
 */
export function showNormalization(frame, snapshot) {
  const digit = gridToCanvas(frame.pixels, 255, "--digit-foreground");
  drawCropped(byId("cropped"), frame.crop, snapshot);
  drawScaled(byId("scaled"), frame.placed, digit);
  drawCentered(byId("centered"), frame.centre, digit);
}

/** Draw the digit's bounding box on the canvas, with a margin of one eighth of its longer side. */
function drawCropped(canvas, crop, snapshot) {
  const context = resizeToDevicePixels(canvas, DIGIT_VIEW_SIZE);
  const box = toCanvasUnits(snapshot, crop);
  const longerSide = Math.max(box.width, box.height);
  const scale = canvas.width / (1.25 * longerSide);
  const x = box.x + box.width / 2 - 0.625 * longerSide;
  const y = box.y + box.height / 2 - 0.625 * longerSide;
  renderDrawing(context, snapshot.drawing, { x, y, scale }, `rgb(${cssColor("--text")})`);
  context.setLineDash([6, 5]);
  setStroke(context, "--accent");
  context.strokeRect((box.x - x) * scale, (box.y - y) * scale, box.width * scale, box.height * scale);
}

/** Draw the digit in the top left corner of its 20×20 square, before it is centered. */
function drawScaled(canvas, [left, top, right, bottom], digit) {
  const context = resizeToDevicePixels(canvas, DIGIT_VIEW_SIZE);
  const scale = canvas.width / IMAGE_SIZE;
  const [width, height] = [right - left, bottom - top];
  context.imageSmoothingEnabled = false;
  context.drawImage(digit, left, top, width, height, 0, 0, width * scale, height * scale);
  setStroke(context, "--digit-marker");
  context.strokeRect(1, 1, DIGIT_SIZE * scale - 2, DIGIT_SIZE * scale - 2);
}

/** Draw the normalized digit with a cross in the middle and a ring around the center of mass. */
function drawCentered(canvas, [x, y], digit) {
  const context = resizeToDevicePixels(canvas, DIGIT_VIEW_SIZE);
  const scale = canvas.width / IMAGE_SIZE;
  const middle = canvas.width / 2;
  context.imageSmoothingEnabled = false;
  context.drawImage(digit, 0, 0, canvas.width, canvas.height);
  setStroke(context, "--digit-marker");
  context.beginPath();
  context.moveTo(middle, 0);
  context.lineTo(middle, canvas.height);
  context.moveTo(0, middle);
  context.lineTo(canvas.width, middle);
  context.stroke();
  context.beginPath();
  context.arc(x * scale, y * scale, 1.4 * scale, 0, 2 * Math.PI);
  context.stroke();
}

// How the ink of a digit becomes the 28×28 numbers that the network sees.

import { gridOf, sharp } from "./grids.js";
import { render } from "./render.js";
import { colour } from "./theme.js";

const SIDE = 168; // CSS pixels of each of the three pictures at most: six for each of the frame's
const element = (id) => document.getElementById(id);

/** Show the three steps to a `frame` of the API, cut out of what was `sent`. */
export function framing(frame, sent) {
  const white = gridOf(frame.pixels, 255, "--frame-ink");
  crop(element("crop"), frame.crop, sent);
  scaled(element("scaled"), frame.placed, white);
  centred(element("centred"), frame.centre, white);
}

/** The part of the paper that a rectangle of the picture is, with an eighth of it around. */
function crop(canvas, [left, top, right, bottom], sent) {
  const context = sharp(canvas, SIDE);
  const longer = Math.max(right - left, bottom - top) * sent.scale;
  const scale = canvas.width / (1.25 * longer);
  const middle = [sent.x + ((left + right) / 2) * sent.scale, sent.y + ((top + bottom) / 2) * sent.scale];
  const view = { x: middle[0] - 0.625 * longer, y: middle[1] - 0.625 * longer, scale };
  render(context, sent.drawing, view, `rgb(${colour("--ink")})`);
  context.setLineDash([6, 5]);
  context.strokeStyle = `rgb(${colour("--accent")})`;
  context.lineWidth = 2;
  const place = (x, from, corner) => (from + x * sent.scale - corner) * scale;
  context.strokeRect(
    place(left, sent.x, view.x), place(top, sent.y, view.y), (right - left) * sent.scale * scale, (bottom - top) * sent.scale * scale,
  );
}

/** The digit in pixels of the frame, in the corner where it is before it is moved. */
function scaled(canvas, [left, top, right, bottom], white) {
  const context = sharp(canvas, SIDE);
  const scale = canvas.width / 28;
  const [width, height] = [right - left, bottom - top];
  context.imageSmoothingEnabled = false;
  context.drawImage(white, left, top, width, height, 0, 0, width * scale, height * scale);
  context.strokeStyle = `rgb(${colour("--frame-mark")})`;
  context.lineWidth = 2;
  context.strokeRect(1, 1, 20 * scale - 2, 20 * scale - 2);
}

/** The frame, its middle as a cross, the digit's centre of mass as a ring. */
function centred(canvas, [x, y], white) {
  const context = sharp(canvas, SIDE);
  const scale = canvas.width / 28;
  context.imageSmoothingEnabled = false;
  context.drawImage(white, 0, 0, canvas.width, canvas.height);
  context.strokeStyle = `rgb(${colour("--frame-mark")})`;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(14 * scale, 0);
  context.lineTo(14 * scale, canvas.height);
  context.moveTo(0, 14 * scale);
  context.lineTo(canvas.width, 14 * scale);
  context.stroke();
  context.beginPath();
  context.arc(x * scale, y * scale, 1.4 * scale, 0, 7);
  context.stroke();
}

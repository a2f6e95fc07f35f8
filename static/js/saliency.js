// The saliency maps: which parts of the drawing support a digit and which oppose it.

import { byId, createElement, setAria } from "./dom.js";
import { t } from "./i18n.js";
import { IMAGE_SIZE, gridToCanvas, resizeToDevicePixels } from "./pixel_grids.js";
import { secondMostProbable } from "./probabilities.js";
import { renderDrawing } from "./rasterize.js";
import { cssColor } from "./theme.js";

const VIEW_SIZE = 300; // CSS pixels
const MARGIN = 2; // pixels of the 28×28 digit, shown on each side, because strokes may reach its border
const VIEW_PIXELS = IMAGE_SIZE + 2 * MARGIN; // pixels of the 28×28 digit on each side of the view
const MIN_LIMIT = 1; // logits: smaller effects are not scaled up to the full color
const GAMMA = 0.7; // of the colors: below 1, so that weak effects are visible

/**
 * Create the view of two saliency maps: why the digit was read, and why not another digit.
 *
 * @returns {{show: (answer: object, snapshot: import("./rasterize.js").Snapshot) => void}} shows an answer of
 *   api/explain
 */
export function createSaliency() {
  let shown = null; // {answer, snapshot}
  let comparedDigit = null; // that the user selected; without a choice, the second most probable

  const options = createDigitOptions((digit) => {
    comparedDigit = digit;
    update();
  });

  function update() {
    const explained = explainedDigit(shown.answer);
    const other = comparedDigit ?? secondMostProbable(explained);
    options.forEach((input, digit) => (input.checked = digit === other));
    showMap("saliency", explained.result, t("why", explained.result), shown);
    showMap("other", other, t(other === explained.result ? "why" : "whyNot", other), shown);
  }

  return {
    show(answer, snapshot) {
      // The choice of the user belongs to the digit that was read before.
      if (shown && explainedDigit(answer).result !== explainedDigit(shown.answer).result) comparedDigit = null;
      shown = { answer, snapshot };
      update();
    },
  };
}

const explainedDigit = ({ reading, digit }) => reading.digits[digit];

/** Create the radio buttons of the ten digits. */
function createDigitOptions(onSelect) {
  return Array.from({ length: 10 }, (_, digit) => {
    const label = createElement("label");
    const input = createElement("input", { type: "radio", name: "saliency-class", value: digit });
    input.addEventListener("change", () => onSelect(digit));
    label.append(input, digit);
    byId("saliency-classes").append(label);
    return input;
  });
}

/** Show the map of one digit and its question as the caption. */
function showMap(id, digit, question, { answer, snapshot }) {
  const canvas = byId(`${id}-map`);
  byId(`${id}-caption`).textContent = question;
  setAria(canvas, "aria-label", t("saliencyLabel", digit));
  drawSaliency(canvas, answer.heat.values[digit], answer.frame, snapshot);
}

/**
 * Draw a digit with its strokes colored by their saliency.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number[][]} saliency 28 rows of 28, in logits relative to their mean
 * @param {object} frame of the answer of api/explain
 * @param {import("./rasterize.js").Snapshot} snapshot
 */
function drawSaliency(canvas, saliency, { crop, placed, pixels }, snapshot) {
  const context = resizeToDevicePixels(canvas, VIEW_SIZE);
  const scale = canvas.width / VIEW_PIXELS;
  if (snapshot.drawing.picture) {
    const digit = gridToCanvas(pixels, 255, "--text"); // only its opacity counts
    context.drawImage(digit, MARGIN * scale, MARGIN * scale, IMAGE_SIZE * scale, IMAGE_SIZE * scale);
  } else {
    const unit = ((crop[2] - crop[0]) * snapshot.scale) / (placed[2] - placed[0]); // canvas units per digit pixel
    const x = snapshot.x + crop[0] * snapshot.scale - (placed[0] + MARGIN) * unit;
    const y = snapshot.y + crop[1] * snapshot.scale - (placed[1] + MARGIN) * unit;
    renderDrawing(context, snapshot.drawing, { x, y, scale: scale / unit }, "black");
  }
  context.globalCompositeOperation = "source-in";
  context.drawImage(colorize(saliency), 0, 0, canvas.width, canvas.height);
}

/** Color a saliency map: gray for no effect, blue for support, orange for opposition. Border pixels fill the margin. */
function colorize(saliency) {
  const limit = Math.max(MIN_LIMIT, ...saliency.flat().map(Math.abs));
  const [neutral, positive, negative] = ["--neutral", "--positive", "--negative"].map(cssColor);
  const image = new ImageData(VIEW_PIXELS, VIEW_PIXELS);
  const clamp = (i) => Math.min(Math.max(i - MARGIN, 0), IMAGE_SIZE - 1);
  for (let i = 0; i < VIEW_PIXELS * VIEW_PIXELS; i++) {
    const value = saliency[clamp(Math.floor(i / VIEW_PIXELS))][clamp(i % VIEW_PIXELS)];
    const intensity = Math.min(1, Math.abs(value) / limit) ** GAMMA;
    const color = value < 0 ? negative : positive;
    image.data.set([...neutral.map((gray, channel) => gray + intensity * (color[channel] - gray)), 255], 4 * i);
  }
  const canvas = createElement("canvas", { width: VIEW_PIXELS, height: VIEW_PIXELS });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

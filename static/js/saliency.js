// Which ink spoke for a digit and which against it: the drawing, its ink in the colours of a heat map.

import { sharp } from "./grids.js";
import { canvasOf, render } from "./render.js";
import { t } from "./i18n.js";
import { colour } from "./theme.js";

const SIDE = 300; // CSS pixels
const AROUND = 2; // pixels of the frame that are shown on each side of it, as a digit may reach to its border
const LEAST = 1; // of log-odds: what changes less is not made to look like much
const element = (id) => document.getElementById(id);

/** The place where one asks why, and why not: `show(answer, sent)` an explanation of the API's. */
export function heat() {
  let shown = null;
  let target = null; // a person's choice; else the second likeliest digit

  const options = Array.from({ length: 10 }, (_, digit) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "target", value: digit });
    input.addEventListener("change", () => {
      target = digit;
      draw();
    });
    label.append(input, digit);
    element("targets").append(label);
    return input;
  });

  const read = ({ reading, digit }) => reading.digits[digit];

  function draw() {
    const { result, probabilities } = read(shown.answer);
    const others = probabilities.map((p, digit) => (digit === result ? -1 : p));
    const other = target ?? others.indexOf(Math.max(...others));
    options.forEach((input, digit) => (input.checked = digit === other));
    picture(element("heat"), element("why"), result, t("why", result));
    picture(element("heat-not"), element("why-not"), other, t(other === result ? "why" : "whyNot", other));
  }

  function picture(canvas, caption, digit, question) {
    const { answer, sent } = shown;
    caption.textContent = question;
    canvas.ariaLabel = t("heatLabel", digit);
    inked(canvas, answer.heat.values[digit], answer.frame, sent);
  }

  return {
    show(answer, sent) {
      if (shown && read(answer).result !== read(shown.answer).result) target = null; // another digit, another question
      shown = { answer, sent };
      draw();
    },
  };
}

/** The digit of a `frame`, its ink coloured by `values`, 28 rows of 28. */
function inked(canvas, values, { crop, placed, pixels }, sent) {
  const context = sharp(canvas, SIDE);
  // A pixel of the frame is so many units of the paper wide, and the frame's corner lies there.
  const unit = ((crop[2] - crop[0]) * sent.scale) / (placed[2] - placed[0]);
  const x = sent.x + crop[0] * sent.scale - placed[0] * unit;
  const y = sent.y + crop[1] * sent.scale - placed[1] * unit;
  const scale = canvas.width / (28 + 2 * AROUND);
  if (sent.drawing.picture) context.drawImage(alphaOf(pixels), AROUND * scale, AROUND * scale, 28 * scale, 28 * scale);
  else render(context, sent.drawing, { x: x - AROUND * unit, y: y - AROUND * unit, scale: scale / unit }, "black");
  context.globalCompositeOperation = "source-in";
  context.drawImage(coloured(values), 0, 0, canvas.width, canvas.height);
}

/** A picture of heat: from grey, which means nothing to it, to the colours of for and against. */
function coloured(values) {
  const most = Math.max(LEAST, ...values.flat().map(Math.abs));
  const [nothing, yes, no] = ["--neutral", "--for", "--against"].map(colour);
  const side = 28 + 2 * AROUND;
  const image = new ImageData(side, side);
  const inside = (i) => Math.min(Math.max(i - AROUND, 0), 27);
  for (let i = 0; i < side * side; i++) {
    const value = values[inside(Math.floor(i / side))][inside(i % side)];
    const much = Math.min(1, Math.abs(value) / most) ** 0.7; // so that little is seen, too
    const full = value < 0 ? no : yes;
    image.data.set([...nothing.map((from, c) => from + much * (full[c] - from)), 255], 4 * i);
  }
  return pictureOf(image);
}

/** A picture whose ink is that of a frame. */
function alphaOf(pixels) {
  const image = new ImageData(28, 28);
  pixels.flat().forEach((value, i) => (image.data[4 * i + 3] = value));
  return pictureOf(image);
}

function pictureOf(image) {
  const canvas = canvasOf(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

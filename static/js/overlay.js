// Bounding boxes over the digits that were read, each with a label: the digit and its probability.

import { createElement } from "./dom.js";
import { formatPercent, onLanguageChange } from "./i18n.js";
import { digitLabel, isNonDigit, isUncertain } from "./probabilities.js";
import { toCanvasUnits } from "./rasterize.js";
import { CANVAS_HEIGHT, CANVAS_WIDTH } from "./strokes.js";

const LABEL_HEIGHT = 60; // units of the canvas, on a phone
const LABEL_WIDTH = 3 * LABEL_HEIGHT;

/**
 * Create the overlay of bounding boxes.
 *
 * @param {HTMLElement} layer covers the canvas
 * @returns {{show: (digits: object[], snapshot?: import("./rasterize.js").Snapshot) => void,
 *   select: (index: number) => void}}
 */
export function createOverlay(layer) {
  let shown = { digits: [], snapshot: null };
  let selected = 0;

  function createBox(digit, index) {
    const { x, y, width, height } = toCanvasUnits(shown.snapshot, digit.box);
    const element = createElement("div", { className: "box" });
    const percent = isNonDigit(digit) ? "" : ` · ${formatPercent(digit.probability, 0)}`;
    element.append(createElement("span", { textContent: digitLabel(digit) + percent }));
    element.classList.toggle("uncertain", isUncertain(digit.probability));
    element.classList.toggle("selected", index === selected && shown.digits.length > 1);
    if (y < LABEL_HEIGHT) {
      const hasSpaceBelow = CANVAS_HEIGHT - (y + height) >= LABEL_HEIGHT;
      element.classList.add(hasSpaceBelow ? "label-below" : "label-inside");
    }
    element.classList.toggle("label-right", x > CANVAS_WIDTH - LABEL_WIDTH);
    element.style.left = `${(100 * x) / CANVAS_WIDTH}%`;
    element.style.top = `${(100 * y) / CANVAS_HEIGHT}%`;
    element.style.width = `${(100 * width) / CANVAS_WIDTH}%`;
    element.style.height = `${(100 * height) / CANVAS_HEIGHT}%`;
    return element;
  }

  const update = () => layer.replaceChildren(...shown.digits.map(createBox));
  onLanguageChange(update);
  return {
    /** Show the boxes of a reading's digits; `snapshot` is the picture in whose pixels they are. */
    show(digits, snapshot = null) {
      shown = { digits, snapshot };
      update();
    },
    /** Highlight the box of one digit, if there are several. */
    select(index) {
      selected = index;
      update();
    },
  };
}

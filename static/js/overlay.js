// A box over each digit that was read, with what was read and how surely.

import { CERTAIN, NO_DIGIT } from "./result.js";
import { HEIGHT, WIDTH } from "./strokes.js";
import { inWords, percent } from "./i18n.js";

const ROOM = 60; // units of the paper that a label is high, on a phone

/** Boxes in `layer`, which lies on the paper: `show(digits, sent)` and `select(index)`. */
export function boxes(layer) {
  let shown = { digits: [], sent: null };
  let selected = 0;

  function box({ box: [left, top, right, bottom], result, probability }, index) {
    const { x, y, scale } = shown.sent;
    const element = document.createElement("div");
    const label = document.createElement("span");
    label.textContent = probability < NO_DIGIT ? "?" : `${result} · ${percent(probability, 0)}`;
    element.append(label);
    element.className = "box";
    element.classList.toggle("unsure", probability < CERTAIN);
    element.classList.toggle("chosen", index === selected && shown.digits.length > 1);
    const [above, under] = [y + top * scale, HEIGHT - (y + bottom * scale)];
    if (above < ROOM) element.classList.add(under < ROOM ? "within" : "below"); // there is no room above it
    element.classList.toggle("right", x + left * scale > WIDTH - 3 * ROOM);
    const place = { left: (x + left * scale) / WIDTH, top: (y + top * scale) / HEIGHT };
    Object.assign(place, { width: ((right - left) * scale) / WIDTH, height: ((bottom - top) * scale) / HEIGHT });
    for (const [name, share] of Object.entries(place)) element.style[name] = `${100 * share}%`;
    return element;
  }

  const render = () => layer.replaceChildren(...shown.digits.map(box));
  inWords(render);
  return {
    show(digits, sent) {
      shown = { digits, sent };
      render();
    },
    select(index) {
      selected = index;
      render();
    },
  };
}

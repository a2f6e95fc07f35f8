// The last two layers: the neurons of fc1, and ten logits with their probabilities.

import { byId, createElement, setAria } from "./dom.js";
import { formatNumber, formatPercent, t } from "./i18n.js";
import { maxAbs } from "./pixel_grids.js";

/**
 * Show the activations of the hidden neurons; the step is hidden if the network has none.
 *
 * @param {?{values: number[]}} layer after the ReLU, so no value is negative
 */
export function showNeurons(layer) {
  byId("step-fc1").hidden = !layer;
  if (!layer) return;
  const { values } = layer;
  const peak = maxAbs(values);
  const cells = values.map((value) => {
    const cell = createElement("span");
    cell.style.setProperty("--intensity", value / peak || 0);
    return cell;
  });
  byId("neurons").replaceChildren(...cells);
  const active = values.filter((value) => value > 0).length;
  const summary = t("neuronsSummary", [values.length, active, values.indexOf(peak) + 1, formatNumber(peak)]);
  byId("neurons-summary").textContent = summary;
  setAria(byId("neurons"), "aria-label", summary);
}

/**
 * Show the table of logits and probabilities.
 *
 * @param {number[]} logits ten
 * @param {{result: number, probabilities: number[]}} digit of a reading
 */
export function showLogits(logits, { result, probabilities }) {
  const [min, max] = [Math.min(0, ...logits), Math.max(0, ...logits)];
  const rows = logits.map((logit, digit) => {
    const row = createElement("tr", { className: digit === result ? "best" : "" });
    const start = (Math.min(0, logit) - min) / (max - min);
    row.append(
      createElement("th", { scope: "row", textContent: digit }),
      createBarCell(formatNumber(logit), start, Math.abs(logit) / (max - min), logit < 0),
      createBarCell(formatPercent(probabilities[digit]), 0, probabilities[digit]),
    );
    return row;
  });
  byId("logits").replaceChildren(...rows);
}

/**
 * Create a table cell with a text and a horizontal bar.
 *
 * @param {string} text
 * @param {number} start of the bar, as a share of the track's width
 * @param {number} length of the bar, as a share of the track's width
 * @param {boolean} [isNegative]
 */
function createBarCell(text, start, length, isNegative = false) {
  const cell = createElement("td");
  const track = createElement("span", { className: "track" });
  const bar = track.appendChild(createElement("span", { className: "bar" }));
  bar.classList.toggle("negative", isNegative);
  bar.style.setProperty("--start", start);
  bar.style.setProperty("--length", length);
  cell.append(createElement("span", { className: "value", textContent: text }), track);
  return cell;
}

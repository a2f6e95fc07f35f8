// A bar chart of ten probabilities, one bar per digit.

import { formatPercent } from "./i18n.js";

const MIN_LABELED = 0.005; // a smaller probability would be labeled "0"
const MAX_LABEL = 99; // percent: no reading is 100 % certain

/**
 * Turn `list` into a bar chart.
 *
 * @param {HTMLOListElement} list
 * @returns {(probabilities?: number[]) => void} shows ten probabilities, or an empty chart
 */
export function createBars(list) {
  const items = Array.from({ length: 10 }, (_, digit) => {
    const item = document.createElement("li");
    item.innerHTML = `<span class="visually-hidden"></span><span aria-hidden="true"><span class="percentage"></span>
      <span class="track"><span class="bar"></span></span>${digit}</span>`;
    return item;
  });
  list.classList.add("bars");
  list.replaceChildren(...items);
  return (probabilities = []) => {
    const highest = Math.max(...probabilities);
    items.forEach((item, digit) => {
      const p = probabilities[digit] ?? 0;
      const label = p >= MIN_LABELED ? Math.min(MAX_LABEL, Math.round(100 * p)) : "";
      item.style.setProperty("--probability", p);
      item.classList.toggle("best", p > 0 && p === highest);
      item.querySelector(".visually-hidden").textContent = `${digit}: ${formatPercent(p)}`;
      item.querySelector(".percentage").textContent = label;
    });
  };
}

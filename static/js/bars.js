// Ten bars, one for each digit.

import { percent } from "./i18n.js";

/** Make `list` such a chart: a function that shows ten probabilities, or none. */
export function bars(list) {
  const items = Array.from({ length: 10 }, (_, digit) => {
    const item = document.createElement("li");
    item.innerHTML = `<span class="hidden"></span><span aria-hidden="true"><span class="share"></span>
      <span class="track"><span class="bar"></span></span>${digit}</span>`;
    return item;
  });
  list.classList.add("bars");
  list.replaceChildren(...items);
  return (probabilities = []) => {
    const most = Math.max(...probabilities);
    items.forEach((item, digit) => {
      const p = probabilities[digit] ?? 0;
      item.style.setProperty("--probability", p);
      item.classList.toggle("best", p > 0 && p === most);
      item.querySelector(".hidden").textContent = `${digit}: ${percent(p)}`;
      item.querySelector(".share").textContent = p >= 0.005 ? Math.min(99, Math.round(100 * p)) : ""; // nothing is 100 % sure
    });
  };
}

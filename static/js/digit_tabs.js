// The text of a reading in large type, line by line, with one tab per digit.

import { createElement, markSelected, setAria } from "./dom.js";
import { formatPercent, t } from "./i18n.js";
import { digitLabel, isUncertain } from "./probabilities.js";

/**
 * Turn `container` into the text of a reading, whose digits can be selected by click and by arrow keys.
 *
 * @param {HTMLElement} container
 * @param {(index: number) => void} onSelect called when the user selects a digit
 * @returns {{show: (text: string, lines: import("./probabilities.js").Digit[][], selected: number) => void}} shows the
 *   digits of each line, with one tab per digit; `text` as plain text if `lines` is empty
 */
export function createDigitTabs(container, onSelect) {
  let selected = 0;
  const allTabs = () => container.querySelectorAll("button");

  function select(index) {
    selected = index;
    markSelected(allTabs(), index);
    onSelect(index);
  }

  container.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    const last = allTabs().length - 1;
    if (!step || last < 1) return;
    event.preventDefault();
    select(Math.min(Math.max(selected + step, 0), last));
    allTabs()[selected].focus();
  });

  return {
    show(text, lines, index) {
      selected = index;
      const hadFocus = container.contains(document.activeElement);
      container.style.setProperty("--character-count", characterCount(lines.map((digits) => digits.length)));
      if (!lines.length) return showPlainText(container, text);
      setAria(container, "role", "tablist");
      setAria(container, "aria-label", t("digitsLabel"));
      const tabs = lines.flat().map((digit, i) => createTab(digit, () => select(i)));
      container.replaceChildren(...lines.map(({ length }) => createLine(tabs.splice(0, length))));
      markSelected(allTabs(), selected);
      if (hadFocus) allTabs()[selected].focus();
    },
  };
}

/**
 * Count the characters that the width of the large type is made for; more where several lines need room, too.
 *
 * @param {number[]} lengths of the lines
 * @returns {number}
 */
export const characterCount = (lengths) => Math.max(1, ...lengths, lengths.length > 1 ? 3 * lengths.length : 0);

function createLine(tabs) {
  const line = createElement("div");
  setAria(line, "role", "presentation");
  line.append(...tabs);
  return line;
}

function showPlainText(container, text) {
  for (const name of ["role", "aria-label"]) setAria(container, name, null);
  container.replaceChildren(text);
}

function createTab(digit, onClick) {
  const button = createElement("button", { type: "button", textContent: digitLabel(digit) });
  setAria(button, "role", "tab");
  setAria(button, "aria-label", t("digitLabel", [digit.result, formatPercent(digit.probability)]));
  setAria(button, "aria-controls", "bars-panel");
  button.classList.toggle("uncertain", isUncertain(digit.probability));
  button.addEventListener("click", onClick);
  return button;
}

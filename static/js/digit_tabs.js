// The text of a reading in large type, with one tab per digit.

import { createElement, markSelected, setAria } from "./dom.js";
import { formatPercent, t } from "./i18n.js";
import { digitLabel, isUncertain } from "./probabilities.js";

/**
 * Turn `container` into the text of a reading, whose digits can be selected by click and by arrow keys.
 *
 * @param {HTMLElement} container
 * @param {(index: number) => void} onSelect called when the user selects a digit
 * @returns {{show: (text: string, digits: import("./probabilities.js").Digit[], selected: number) => void}} shows a
 *   text, with one tab per digit; as plain text if `digits` is empty
 */
export function createDigitTabs(container, onSelect) {
  let selected = 0;

  function select(index) {
    selected = index;
    markSelected(container.children, index);
    onSelect(index);
  }

  container.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    const last = container.children.length - 1;
    if (!step || last < 1) return;
    event.preventDefault();
    select(Math.min(Math.max(selected + step, 0), last));
    container.children[selected].focus();
  });

  return {
    show(text, digits, index) {
      selected = index;
      const hadFocus = container.contains(document.activeElement);
      container.style.setProperty("--character-count", Math.max(1, text.length));
      if (!digits.length) return showPlainText(container, text);
      setAria(container, "role", "tablist");
      setAria(container, "aria-label", t("digitsLabel"));
      container.replaceChildren(...digits.map((digit, i) => createTab(digit, () => select(i))));
      markSelected(container.children, selected);
      if (hadFocus) container.children[selected].focus();
    },
  };
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

// The light and the dark theme, and the colors of the style sheet for drawing on a canvas.

import { createElement } from "./dom.js";
import { load, save } from "./storage.js";

const probe = createElement("i", { hidden: true });

/**
 * Look up a color of the style sheet in the current theme.
 *
 * @param {string} property a custom property, for example "--accent"
 * @returns {number[]} red, green and blue in [0, 255]
 */
export function cssColor(property) {
  // The browser resolves light-dark() and var() only on an element of the page.
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${property})`;
  return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
}

/**
 * Set color and width of lines that are drawn on a canvas.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string} property a custom property of the style sheet
 */
export function setStroke(context, property) {
  context.strokeStyle = `rgb(${cssColor(property)})`;
  context.lineWidth = 2;
}

/**
 * Apply the theme that is selected in `select`: "auto" follows the system.
 *
 * @param {HTMLSelectElement} select
 * @param {() => void} onChange called now and whenever the colors change
 */
export function initTheme(select, onChange) {
  const apply = () => {
    document.documentElement.dataset.theme = select.value;
    onChange();
  };
  select.value = load("theme") ?? "auto";
  select.addEventListener("change", () => {
    save("theme", select.value);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply();
}

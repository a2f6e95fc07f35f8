// A short tour through the steps of the explanation.

import { byId, createElement } from "./dom.js";
import { onLanguageChange, t } from "./i18n.js";

const STEPS = ["step-normalization", "step-conv1", "step-conv2", "step-fc1", "step-logits"];

/**
 * Make `dialog` the tour that `startButton` opens.
 *
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} startButton
 * @param {() => void} onStart makes sure that there is a digit to explain
 */
export function initTour(dialog, startButton, onStart) {
  let current = 0;
  const append = (tag, properties) => dialog.appendChild(createElement(tag, properties));
  const progress = append("p", { className: "muted" });
  const title = append("h2", { id: "tour-title", tabIndex: -1 });
  const text = append("p");
  const toolbar = append("div", { className: "toolbar" });
  const appendButton = (action) => {
    const button = toolbar.appendChild(createElement("button", { type: "button" }));
    button.addEventListener("click", action);
    return button;
  };
  const closeButton = appendButton(close);
  const backButton = appendButton(() => goTo(current - 1));
  const nextButton = appendButton(() => (current === STEPS.length - 1 ? close() : goTo(current + 1)));
  nextButton.className = "primary";

  function update() {
    progress.textContent = t("tourProgress", [current + 1, STEPS.length]);
    title.textContent = t(`tour${current + 1}Title`);
    text.textContent = t(`tour${current + 1}`);
    closeButton.textContent = t("tourClose");
    backButton.textContent = t("tourBack");
    backButton.disabled = current === 0;
    nextButton.textContent = t(current === STEPS.length - 1 ? "tourDone" : "tourNext");
  }

  function goTo(step) {
    current = step;
    update();
    highlight(STEPS[current]);
    scrollToStep();
    title.focus({ preventScroll: true });
  }

  function highlight(step) {
    for (const id of STEPS) byId(id).classList.toggle("tour-step", id === step);
  }

  function scrollToStep() {
    const isSmooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    byId(STEPS[current]).scrollIntoView({ behavior: isSmooth ? "smooth" : "instant", block: "start" });
  }

  function close() {
    dialog.close();
    highlight(null);
    startButton.focus();
  }

  let height = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (dialog.open && !height) scrollToStep(); // the explanation has just appeared
    height = contentRect.height;
  }).observe(byId("explain-steps"));
  startButton.addEventListener("click", () => {
    onStart();
    dialog.show();
    goTo(0);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !dialog.open) return;
    event.preventDefault(); // so that the shortcut Escape does not clear the canvas
    close();
  });
  onLanguageChange(update);
}

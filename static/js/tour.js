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
  const content = createTourContent(dialog, {
    onClose: close,
    onBack: () => goTo(current - 1),
    onNext: () => (current === STEPS.length - 1 ? close() : goTo(current + 1)),
  });

  function goTo(step) {
    current = step;
    content.show(current);
    highlight(STEPS[current]);
    scrollToStep(STEPS[current]);
    content.focus();
  }

  function close() {
    dialog.close();
    highlight(null);
    startButton.focus();
  }

  onAppearance(byId("explain-steps"), () => dialog.open && scrollToStep(STEPS[current]));
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
  onLanguageChange(() => content.show(current));
}

/** Fill the dialog with the texts and the buttons of the tour. */
function createTourContent(dialog, { onClose, onBack, onNext }) {
  const append = (tag, properties) => dialog.appendChild(createElement(tag, properties));
  const progress = append("p", { className: "muted" });
  const title = append("h2", { id: "tour-title", tabIndex: -1 });
  const text = append("p");
  const toolbar = append("div", { className: "toolbar" });
  const [closeButton, backButton, nextButton] = [onClose, onBack, onNext].map((onClick) => {
    const button = toolbar.appendChild(createElement("button", { type: "button" }));
    button.addEventListener("click", onClick);
    return button;
  });
  nextButton.className = "primary";

  return {
    show(step) {
      progress.textContent = t("tourProgress", [step + 1, STEPS.length]);
      title.textContent = t(`tour${step + 1}Title`);
      text.textContent = t(`tour${step + 1}`);
      closeButton.textContent = t("tourClose");
      backButton.textContent = t("tourBack");
      backButton.disabled = step === 0;
      nextButton.textContent = t(step === STEPS.length - 1 ? "tourDone" : "tourNext");
    },
    focus: () => title.focus({ preventScroll: true }),
  };
}

function highlight(step) {
  for (const id of STEPS) byId(id).classList.toggle("tour-step", id === step);
}

function scrollToStep(step) {
  const isSmooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId(step).scrollIntoView({ behavior: isSmooth ? "smooth" : "instant", block: "start" });
}

/** Call `listener` when a hidden element becomes visible. */
function onAppearance(element, listener) {
  let height = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (!height) listener();
    height = contentRect.height;
  }).observe(element);
}

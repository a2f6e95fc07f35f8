// A short tour along the flow, with one's own digit, for who has never seen a neural network.

import { inWords, t } from "./i18n.js";

const STEPS = ["step-frame", "step-conv1", "step-conv2", "step-neurons", "step-logits"];

/** Make `dialog` the tour that `start` begins; `prepare()` sees to it that there is something to show. */
export function tour(dialog, start, prepare) {
  let at = 0;
  const part = (tag, name) => dialog.appendChild(Object.assign(document.createElement(tag), { className: name }));
  const count = part("p", "quiet");
  const title = Object.assign(part("h2", ""), { id: "tour-title", tabIndex: -1 });
  const words = part("p", "");
  const row = part("div", "tools");
  const button = (action) => {
    const made = Object.assign(document.createElement("button"), { type: "button" });
    made.addEventListener("click", action);
    return row.appendChild(made);
  };
  const end = button(stop);
  const back = button(() => go(at - 1));
  const next = button(() => (at === STEPS.length - 1 ? stop() : go(at + 1)));
  next.className = "main";

  function render() {
    count.textContent = t("tourAt", [at + 1, STEPS.length]);
    title.textContent = t(`tour${at + 1}Title`);
    words.textContent = t(`tour${at + 1}`);
    end.textContent = t("tourEnd");
    back.textContent = t("tourBack");
    back.disabled = at === 0;
    next.textContent = t(at === STEPS.length - 1 ? "tourDone" : "tourNext");
  }

  function go(to) {
    at = to;
    render();
    for (const id of STEPS) document.getElementById(id).classList.toggle("toured", id === STEPS[at]);
    bring();
    title.focus({ preventScroll: true });
  }

  /** Bring the step into view, as soon as it is there. */
  function bring() {
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById(STEPS[at]).scrollIntoView({ behavior: smooth ? "smooth" : "instant", block: "start" });
  }

  function stop() {
    dialog.close();
    for (const id of STEPS) document.getElementById(id).classList.remove("toured");
    start.focus();
  }

  let high = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (dialog.open && !high) bring(); // it has just appeared
    high = contentRect.height;
  }).observe(document.getElementById("flow"));
  start.addEventListener("click", () => {
    prepare();
    dialog.show();
    go(0);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !dialog.open) return;
    event.preventDefault(); // it ends the tour, and clears nothing
    stop();
  });
  inWords(render);
}

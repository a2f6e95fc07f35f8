// What was read: the text in large type, a sentence, and ten bars for the digit that is chosen in it.

import { bars } from "./bars.js";
import { inWords, percent, t } from "./i18n.js";

const element = (id) => document.getElementById(id);
export const NO_DIGIT = 0.2; // what is no digit is each of the ten with a probability of 0.1
export const CERTAIN = 0.9; // as in digits/reader.py
const MAYBE = 0.15; // a second digit that is less likely is not worth a word

/** The place that shows results; `chosen(index)` is called when a person chooses a digit of the text. */
export function result(chosen) {
  const chart = bars(element("bars"));
  let state = { kind: "blank" };
  let selected = 0;

  function showBars() {
    const digits = state.reading?.digits ?? [];
    element("bars-title").textContent = digits.length > 1 ? t("barsOf", [selected + 1, digits.length]) : t("bars");
    chart(digits[selected]?.probabilities);
    element("bars").classList.toggle("unsure", digits[selected]?.probability < CERTAIN);
  }

  function showText(text) {
    const box = element("text");
    const focused = box.contains(document.activeElement);
    box.style.setProperty("--count", Math.max(1, text.length));
    const digits = text === "?" ? [] : state.reading.digits;
    if (!digits.length) {
      for (const name of ["role", "aria-label"]) box.removeAttribute(name);
      return box.replaceChildren(text);
    }
    box.role = "tablist";
    box.ariaLabel = t("digitsRead");
    box.replaceChildren(...digits.map((digit, index) => tab(digit, index)));
    if (focused) box.children[selected].focus();
  }

  function tab({ result: digit, probability }, index) {
    const button = Object.assign(document.createElement("button"), { type: "button", role: "tab" });
    button.textContent = probability < NO_DIGIT ? "?" : digit;
    button.ariaSelected = index === selected;
    button.tabIndex = index === selected ? 0 : -1;
    button.ariaLabel = t("digitAt", [digit, percent(probability)]);
    button.setAttribute("aria-controls", "bars-of");
    button.classList.toggle("unsure", probability < CERTAIN);
    button.addEventListener("click", () => choose(index));
    return button;
  }

  function choose(index) {
    selected = index;
    [...element("text").children].forEach((button, i) => {
      button.ariaSelected = i === index;
      button.tabIndex = i === index ? 0 : -1;
    });
    showBars();
    chosen(index);
  }

  element("text").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    const last = element("text").children.length - 1;
    if (!step || last < 1) return;
    event.preventDefault();
    choose(Math.min(Math.max(selected + step, 0), last));
    element("text").children[selected].focus();
  });

  function render() {
    const { name, text, sentence, detail } = told(state);
    element("answer").dataset.state = name;
    showText(text);
    if (element("sentence").textContent !== sentence) element("sentence").textContent = sentence; // not said twice
    element("detail").textContent = detail;
    showBars();
  }

  inWords(render);
  return {
    /** Show `{kind: "blank"}`, `{kind: "reading", reading}`, `{kind: "trouble", …}` or `{kind: "error", error}`. */
    show(next) {
      state = next;
      selected = Math.min(selected, Math.max(0, (state.reading?.digits.length ?? 1) - 1));
      render();
      return selected;
    },
  };
}

/** What is said of a state: its name for the style sheet, the text in large type, a sentence, and some more. */
function told(state) {
  if (state.kind === "reading") return toldOf(state.reading);
  if (state.kind === "blank") return { name: "blank", text: "?", sentence: t("blank"), detail: t("blankMore") };
  if (state.kind === "error") return { name: "trouble", text: "?", sentence: t("noReading"), detail: t("error", state.error) };
  const sentence = t(`wait_${state.wait}`);
  return { name: "trouble", text: "?", sentence, detail: t("waitMore", state) };
}

function toldOf({ text, probability, certain, digits }) {
  const sure = t("sure", percent(probability));
  if (certain) return { name: "certain", text, sentence: t("certain", text), detail: sure };
  if (digits.every((digit) => digit.probability < NO_DIGIT)) {
    return { name: "uncertain", text: "?", sentence: t("noDigit"), detail: t("noDigitMore") };
  }
  const least = digits.reduce((a, b) => (b.probability < a.probability ? b : a));
  const other = second(least);
  if (digits.length === 1) return { name: "uncertain", text, sentence: t("perhaps", [text, other]), detail: sure };
  const place = digits.indexOf(least) + 1;
  let doubt = least.probability < CERTAIN ? t("doubt", [place, least.result, other]) : t("divided");
  if (least.probability < NO_DIGIT) doubt = t("noDigitAt", place);
  return { name: "uncertain", text, sentence: t("perhapsAll", text), detail: `${doubt} ${sure}` };
}

/** The second likeliest of a digit's ten; null where that is not likely either. */
function second({ probabilities, result: first }) {
  const others = probabilities.map((p, digit) => (digit === first ? -1 : p));
  const best = Math.max(...others);
  return best >= MAYBE ? others.indexOf(best) : null;
}

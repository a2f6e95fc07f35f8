// The reading: its text in large type, a sentence, and the bar chart of the selected digit.

import { createBars } from "./bars.js";
import { createDigitTabs } from "./digit_tabs.js";
import { byId } from "./dom.js";
import { formatPercent, onLanguageChange, t } from "./i18n.js";
import { isNonDigit, isUncertain, secondMostProbable } from "./probabilities.js";

const MIN_ALTERNATIVE = 0.15; // the probability from which a second digit is named

/**
 * The state of the reading.
 *
 * @typedef {{kind: "blank"}
 *   | {kind: "reading", reading: object}
 *   | {kind: "error", error: {code: string, message: string}}
 *   | {kind: "waiting", wait: "slow" | "gone" | "busy", message?: string}} ReadingState
 */

/**
 * Create the view of the reading.
 *
 * @param {(index: number) => void} onSelect called when the user selects a digit
 * @returns {{show: (state: ReadingState) => number}} shows a state and returns the index of the selected digit
 */
export function createResult(onSelect) {
  const showProbabilities = createBars(byId("bars"));
  const tabs = createDigitTabs(byId("reading-text"), select);
  let state = { kind: "blank" };
  let selected = 0;

  function select(index) {
    selected = index;
    updateBars();
    onSelect(index);
  }

  function updateBars() {
    const digits = state.reading?.digits ?? [];
    const title = digits.length > 1 ? t("barsOfDigit", [selected + 1, digits.length]) : t("bars");
    byId("bars-title").textContent = title;
    showProbabilities(digits[selected]?.probabilities);
    byId("bars").classList.toggle("uncertain", isUncertain(digits[selected]?.probability));
  }

  function update() {
    const { status, text, sentence, detail } = describe(state);
    byId("reading").dataset.status = status;
    tabs.show(text, text === "?" ? [] : digitsByLine(state.reading), selected);
    // An unchanged text is not written again: screen readers would announce it twice.
    if (byId("sentence").textContent !== sentence) byId("sentence").textContent = sentence;
    byId("detail").textContent = detail;
    updateBars();
  }

  function show(newState) {
    state = newState;
    selected = Math.min(selected, Math.max(0, (state.reading?.digits.length ?? 1) - 1));
    update();
    return selected;
  }

  onLanguageChange(update);
  return { show };
}

/**
 * Describe a state in the current language.
 *
 * @param {ReadingState} state
 * @returns {{status: string, text: string, sentence: string, detail: string}} the status for the style sheet ("blank",
 *   "certain", "uncertain" or "unavailable"), the text in large type, a sentence and details
 */
function describe(state) {
  if (state.kind === "reading") return describeReading(state.reading);
  if (state.kind === "blank") return { status: "blank", text: "?", sentence: t("blank"), detail: t("blankDetail") };
  const [sentence, detail] =
    state.kind === "error"
      ? [t("unreadable"), t("error", state.error)]
      : [t(`wait_${state.wait}`), t("waitDetail", state)];
  return { status: "unavailable", text: "?", sentence, detail };
}

function describeReading({ probability, certain, digits, lines, marks }) {
  const text = lines.map((line) => line.text).join(" / ");
  const percent = formatPercent(probability);
  const leftOut = marks.length ? t("marks", [...new Set(marks.map(({ mark }) => mark))]) : "";
  if (certain) return { status: "certain", text, sentence: t("certain", [text, percent]), detail: leftOut };
  if (digits.every(isNonDigit)) {
    return { status: "uncertain", text: "?", sentence: t("nonDigit"), detail: t("nonDigitDetail") };
  }
  const confidence = `${leftOut} ${t("confidence", percent)}`.trim();
  const leastProbable = digits.reduce((a, b) => (b.probability < a.probability ? b : a));
  const alternative = findAlternative(leastProbable);
  if (digits.length === 1) {
    return { status: "uncertain", text, sentence: t("uncertain", [text, alternative]), detail: confidence };
  }
  const position = digits.indexOf(leastProbable) + 1;
  // Where only a mark makes the reading uncertain, it is reason enough.
  let reason = isUncertain(probability) ? t("uncertainSegmentation") : "";
  if (isNonDigit(leastProbable)) reason = t("nonDigitAt", position);
  else if (isUncertain(leastProbable.probability)) {
    reason = t("uncertainDigit", [position, leastProbable.result, alternative]);
  }
  return { status: "uncertain", text, sentence: t("uncertain", [text, null]), detail: `${reason} ${confidence}`.trim() };
}

/** Split the digits of a reading into those of each line. */
function digitsByLine({ digits, lines }) {
  let end = 0;
  return lines.map(({ text }) => digits.slice(end, (end += text.length)));
}

/** Find the second most probable digit; null if its probability is too low to be named. */
function findAlternative(digit) {
  const alternative = secondMostProbable(digit);
  return digit.probabilities[alternative] >= MIN_ALTERNATIVE ? alternative : null;
}

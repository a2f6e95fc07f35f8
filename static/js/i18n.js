// The texts of the page, in the language of the browser or the one that the user selected.

import { setAria } from "./dom.js";
import { load, save } from "./storage.js";
import en from "../locales/en.js";
import zh from "../locales/zh.js";

const LOCALES = { en, zh };
const listeners = [];
let language = "en";

/**
 * Look up a text in the current language.
 *
 * @param {string} key
 * @param {*} [values] passed to the text where it is a function
 * @returns {string}
 */
export function t(key, values) {
  const text = LOCALES[language][key];
  return typeof text === "function" ? text(values) : text;
}

/**
 * Format a probability as a percentage. Near 1 it becomes ">99.9%": no reading is 100 % certain.
 *
 * @param {number} probability in [0, 1]
 * @param {number} [decimals]
 * @returns {string}
 */
export function formatPercent(probability, decimals = 1) {
  const format = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: decimals });
  const limit = 1 - 0.1 ** (decimals + 2);
  return probability > limit ? `>${format.format(limit)}` : format.format(probability);
}

/**
 * Format a number with a fixed count of decimals.
 *
 * @param {number} value
 * @param {number} [decimals]
 * @returns {string}
 */
export const formatNumber = (value, decimals = 2) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: decimals, minimumFractionDigits: decimals }).format(value);

/**
 * Call `listener` now and after every change of the language.
 *
 * @param {() => void} listener
 */
export function onLanguageChange(listener) {
  listeners.push(listener);
  listener();
}

/**
 * Fill `select` with the languages, choose one, and write all texts of the HTML in it.
 *
 * The stored choice comes first, then the languages of the browser, then English.
 *
 * @param {HTMLSelectElement} select
 */
export function initLanguage(select) {
  for (const [code, texts] of Object.entries(LOCALES)) {
    const option = new Option(texts.name, code);
    option.lang = code;
    select.add(option);
  }
  const preferred = [load("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  select.value = preferred.find((code) => code in LOCALES) ?? "en";
  select.addEventListener("change", () => {
    save("language", select.value);
    setLanguage(select.value);
  });
  setLanguage(select.value);
}

function setLanguage(code) {
  language = code;
  document.documentElement.lang = code === "zh" ? "zh-Hans" : code;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    setAria(element, "aria-label", t(element.dataset.i18nLabel));
  }
  for (const listener of listeners) listener();
}

// The page's words, in the language of the browser or the one that was chosen.

import { remember, remembered } from "./storage.js";
import en from "../locales/en.js";
import zh from "../locales/zh.js";

const LANGUAGES = { en, zh };
const renew = []; // what has to be written anew in another language
let language = "en";

/** What the page says for `key`; `values` fill the text where it is a function. */
export function t(key, values) {
  const text = LANGUAGES[language][key];
  return typeof text === "function" ? text(values) : text;
}

/** A share of 1 in percent, as the language writes it; never 100 %, as nothing is that sure. */
export function percent(share, digits = 1) {
  const form = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits });
  const most = 1 - 0.1 ** (digits + 2);
  return share > most ? `>${form.format(most)}` : form.format(share);
}

export const number = (value, digits = 2) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);

/** Call `again` now, and whenever the language changes. */
export function inWords(again) {
  renew.push(again);
  again();
}

/** Fill in all that is in the HTML, in the language that is chosen in `select`. */
export function speak(select) {
  for (const [code, texts] of Object.entries(LANGUAGES)) {
    const option = new Option(texts.name, code);
    option.lang = code;
    select.add(option);
  }
  const wanted = [remembered("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  select.value = wanted.find((code) => code in LANGUAGES) ?? "en";
  const change = () => {
    language = select.value;
    document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
    document.title = t("title");
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
    for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = t(element.dataset.label);
    for (const again of renew) again();
  };
  select.addEventListener("change", () => {
    remember("language", select.value);
    change();
  });
  change();
}

// The same digits, shown to simpler networks, too.

import { asker } from "./ask.js";
import { bars } from "./bars.js";
import { inWords, number, percent, t } from "./texts.js";

const SETTLE = 200; // ms, after the reading and the explanation
const element = (id) => document.getElementById(id);

/** The part of the page that compares: `show(sent, index)` what was read, with the digit that is chosen. */
export function compare() {
  let shown = null; // what the networks say
  let asked = null;
  let selected = 0;

  const ask = asker(({ answer, error }) => {
    if (answer) shown = answer.networks;
    else if (error) shown = null;
    element("compare").ariaBusy = !answer && !error;
    if (answer || error) render();
  });

  function render() {
    element("ladder").hidden = !shown;
    element("compare-empty").hidden = Boolean(shown);
    if (shown) element("ladder").replaceChildren(...shown.map((network) => card(network, shown.at(-1))));
  }

  function card(network, best) {
    const item = document.createElement("li");
    const part = (tag, text, name = "") =>
      item.appendChild(Object.assign(document.createElement(tag), { textContent: text, className: name }));
    part("h3", t("network", network.name));
    part("p", t("size", [number(network.parameters, 0), network.test_accuracy && percent(network.test_accuracy / 100)]), "quiet");
    part("p", network.text, network.text === best.text ? "text" : "text other").style.setProperty("--count", network.text.length);
    const agrees = network === best ? "" : t(network.text === best.text ? "same" : "different");
    part("p", `${t("sure", percent(network.probability))} ${agrees}`);
    const list = item.appendChild(Object.assign(document.createElement("ol"), { className: "small" }));
    bars(list)(network.digits[Math.min(selected, network.digits.length - 1)].probabilities);
    part("p", t("how", network.name), "how");
    return item;
  }

  inWords(render);
  return {
    refresh() {}, // its colours are all in the style sheet
    stale: () => (element("compare").ariaBusy = true),
    show(sent, index = 0) {
      selected = index;
      element("compare").ariaBusy = Boolean(sent) && (sent !== asked || !shown);
      if (!sent) shown = null;
      if (!sent || sent === asked) render();
      if (sent === asked && shown) return; // another digit of what is known
      asked = sent;
      ask("api/compare", sent && (() => sent), SETTLE);
    },
  };
}

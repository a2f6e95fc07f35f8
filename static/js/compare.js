// The same digits, shown to simpler networks, too.

import { bars } from "./bars.js";
import { learned } from "./network.js";
import { panel } from "./panel.js";
import { largest, paintBoth } from "./grids.js";
import { number, percent, t } from "./i18n.js";

const SETTLE = 200; // ms, after the reading and the explanation

/** The part of the page that compares: `show(sent, index)` what was read, with the digit that is chosen. */
export function compare() {
  let selected = 0;
  const compared = panel("compare", "ladder", "compareEmpty", ({ answer: { networks } }) => {
    const cards = networks.map((network) => card(network, networks.at(-1)));
    document.getElementById("ladder").replaceChildren(...cards);
  });

  function card(network, best) {
    const item = document.createElement("li");
    const part = (tag, text, name = "") =>
      item.appendChild(Object.assign(document.createElement(tag), { textContent: text, className: name }));
    const digit = network.digits[Math.min(selected, network.digits.length - 1)];
    const accuracy = network.test_accuracy && percent(network.test_accuracy / 100);
    part("h3", t("network", network.name));
    part("p", t("size", [number(network.parameters, 0), accuracy]), "quiet");
    part("p", network.text, network.text === best.text ? "text" : "text other").style.setProperty("--count", network.text.length);
    const agrees = network === best ? "" : t(network.text === best.text ? "same" : "different");
    part("p", `${t("sure", percent(network.probability))} ${agrees}`);
    bars(part("ol", "", "small"))(digit.probabilities);
    part("p", t("how", network.name), "how");
    if (network.name === "softmax") item.append(template(digit.result));
    return item;
  }

  /** What softmax regression holds against a picture to find `digit`. */
  function template(digit) {
    const figure = Object.assign(document.createElement("figure"), { className: "template", hidden: true });
    const canvas = Object.assign(document.createElement("canvas"), { role: "img", ariaLabel: t("template", digit) });
    const caption = Object.assign(document.createElement("figcaption"), { textContent: t("template", digit) });
    figure.append(canvas, caption);
    learned().then((answer) => {
      if (!answer?.templates) return;
      paintBoth(canvas, answer.templates[digit], largest(answer.templates[digit]));
      figure.hidden = false;
    });
    return figure;
  }

  return {
    refresh: compared.refresh,
    stale: compared.stale,
    show(sent, index = 0) {
      selected = index;
      if (sent && compared.isOf(sent)) compared.refresh(); // another digit of what is known
      else compared.show(sent, "api/compare", SETTLE);
    },
  };
}

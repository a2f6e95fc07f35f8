// The section "Compare": the readings of simpler networks next to the one of the network in use.

import { createBars } from "./bars.js";
import { characterCount } from "./digit_tabs.js";
import { byId, createElement, setAria } from "./dom.js";
import { formatNumber, formatPercent, t } from "./i18n.js";
import { maxAbs, paintDiverging } from "./pixel_grids.js";
import { createRequestPanel } from "./request_panel.js";
import { fetchWeights } from "./weights.js";

const COMPARISON_DELAY = 200; // ms: the reading and the explanation are requested first

/**
 * Create the panel that compares the readings of all networks, and their probabilities for the selected digit.
 *
 * @returns {import("./request_panel.js").DigitPanel}
 */
export function createComparisonPanel() {
  let selected = 0;

  const panel = createRequestPanel("compare", "comparison", "comparePlaceholder", ({ answer: { networks } }) => {
    byId("comparison").replaceChildren(...networks.map((network) => createCard(network, networks.at(-1), selected)));
  });

  return {
    refresh: panel.refresh,
    markStale: panel.markStale,
    show(snapshot, index = 0) {
      selected = index;
      if (snapshot && panel.isShowing(snapshot)) panel.refresh(); // only another digit was selected
      else panel.show(snapshot, "api/compare", COMPARISON_DELAY);
    },
  };
}

/** Create the card of one network; `reference` is the network in use. */
function createCard(network, reference, selected) {
  const card = createElement("li");
  const append = (tag, textContent, className = "") => card.appendChild(createElement(tag, { textContent, className }));
  const digit = network.digits[Math.min(selected, network.digits.length - 1)];
  const accuracy = network.test_accuracy && formatPercent(network.test_accuracy / 100);
  const isSame = network.text === reference.text;
  append("h3", t("networkName", network.name));
  append("p", t("networkSize", [formatNumber(network.parameters, 0), accuracy]), "muted");
  const lines = network.lines.map((line) => line.text);
  const text = append("p", lines.join("\n"), isSame ? "reading-text" : "reading-text different");
  text.style.setProperty("--character-count", characterCount(lines.map(({ length }) => length)));
  const agreement = network === reference ? "" : t(isSame ? "sameReading" : "differentReading");
  append("p", `${t("confidence", formatPercent(network.probability))} ${agreement}`);
  createBars(append("ol", "", "compact"))(digit.probabilities);
  append("p", t("networkDescription", network.name), "description");
  if (network.name === "softmax") card.append(createTemplate(digit.result));
  return card;
}

/** Create the picture of the weights that softmax regression multiplies a digit with. */
function createTemplate(digit) {
  const figure = createElement("figure", { className: "template", hidden: true });
  const canvas = createElement("canvas");
  setAria(canvas, "role", "img");
  setAria(canvas, "aria-label", t("template", digit));
  figure.append(canvas, createElement("figcaption", { textContent: t("template", digit) }));
  fetchWeights().then((network) => {
    if (!network?.templates) return;
    paintDiverging(canvas, network.templates[digit], maxAbs(network.templates[digit]));
    figure.hidden = false;
  });
  return figure;
}

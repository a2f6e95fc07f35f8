// The section "Look inside": how the network turns the selected digit into ten probabilities.

import { showLogits, showNeurons } from "./dense_layers.js";
import { byId } from "./dom.js";
import { createFeatureMaps } from "./feature_maps.js";
import { showNormalization } from "./normalization.js";
import { createRequestPanel } from "./request_panel.js";
import { createSaliency } from "./saliency.js";
import { fetchWeights } from "./weights.js";

const EXPLANATION_DELAY = 150; // ms: an explanation does not slow down a user who continues to draw

// Pixels of the 28×28 digit. A convolution sees 3×3; the second one, behind a 2×2 pool, sees 8×8.
const CONV1_GEOMETRY = { offset: 1, stride: 1, fieldSize: 3 };
const CONV2_GEOMETRY = { offset: 3, stride: 2, fieldSize: 8 };

/**
 * Create the panel that explains the selected digit.
 *
 * @returns {import("./request_panel.js").DigitPanel}
 */
export function createExplainPanel() {
  const conv1 = createFeatureMaps(byId("step-conv1"), CONV1_GEOMETRY);
  const conv2 = createFeatureMaps(byId("step-conv2"), CONV2_GEOMETRY);
  const saliency = createSaliency();
  let filters = null;

  const panel = createRequestPanel("explain", "explain-steps", "explainPlaceholder", ({ answer, snapshot }) => {
    const layers = new Map(answer.layers.map((layer) => [layer.name, layer]));
    showNormalization(answer.frame, snapshot);
    conv1.show(layers.get("conv1"), answer.frame.pixels, filters?.conv1);
    conv2.show(layers.get("conv2"), answer.frame.pixels, filters?.conv2);
    showNeurons(layers.size > 1 ? layers.get("fc1") : null);
    showLogits(answer.layers.at(-1).values, answer.reading.digits[answer.digit]);
    saliency.show(answer, snapshot);
    if (!filters) loadFilters();
  });

  async function loadFilters() {
    filters = (await fetchWeights())?.filters;
    if (filters) panel.refresh();
  }

  return {
    refresh: panel.refresh,
    markStale: panel.markStale,
    show: (snapshot, index = 0) => panel.show(snapshot, `api/explain?digit=${index}`, EXPLANATION_DELAY),
  };
}

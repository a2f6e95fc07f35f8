// Look inside: what the network makes of the digit that is chosen, from its ink to ten probabilities.

import { framing } from "./normalization.js";
import { heat } from "./saliency.js";
import { learned } from "./network.js";
import { maps } from "./feature_maps.js";
import { panel } from "./panel.js";
import { logits, neurons } from "./classifier.js";

const SETTLE = 150; // ms: who writes on is not kept waiting by an explanation of what was before

/** The part of the page that explains: `show(sent, index)` the digit that is chosen in what was read; null for none. */
export function inside() {
  // Where in the frame a number of a map looks: 3×3 pixels; after a pool, 3×3 of its results, which are 8×8 pixels.
  const conv1 = maps(document.getElementById("step-conv1"), { first: 1, step: 1, field: 3 });
  const conv2 = maps(document.getElementById("step-conv2"), { first: 3, step: 2, field: 8 });
  const why = heat();
  let filters = null;

  const explained = panel("inside", "flow", "insideEmpty", ({ answer, sent }) => {
    const layers = new Map(answer.layers.map((layer) => [layer.name, layer]));
    framing(answer.frame, sent);
    conv1.show(layers.get("conv1"), answer.frame.pixels, filters?.conv1);
    conv2.show(layers.get("conv2"), answer.frame.pixels, filters?.conv2);
    neurons(layers.size > 1 ? layers.get("fc1") : null);
    logits(answer.layers.at(-1).values, answer.reading.digits[answer.digit]);
    why.show(answer, sent);
    if (!filters) learn();
  });

  async function learn() {
    filters = (await learned())?.filters;
    if (filters) explained.refresh();
  }

  return {
    refresh: explained.refresh,
    stale: explained.stale,
    show: (sent, index = 0) => explained.show(sent, `api/explain?digit=${index}`, SETTLE),
  };
}

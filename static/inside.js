// Look inside: what the network makes of the digit that is chosen, from its ink to ten probabilities.

import { asker } from "./ask.js";
import { framing } from "./framing.js";
import { heat } from "./heat.js";
import { maps } from "./maps.js";
import { inWords } from "./texts.js";
import { logits, neurons } from "./votes.js";

const SETTLE = 150; // ms: who writes on is not kept waiting by an explanation of what was before
const element = (id) => document.getElementById(id);

/** The part of the page that explains: `show(sent, index)` the digit that is chosen in what was read; null for none. */
export function inside() {
  // Where in the frame a number of a map looks: 3×3 pixels; after a pool, 3×3 of its results, which are 8×8 pixels.
  const conv1 = maps(element("step-conv1"), { first: 1, step: 1, field: 3 });
  const conv2 = maps(element("step-conv2"), { first: 3, step: 2, field: 8 });
  const why = heat();
  let shown = null; // {answer, sent}
  let filters = null;

  const ask = asker(({ answer, error, sent }) => {
    if (answer) shown = { answer, sent };
    else if (error) shown = null;
    element("inside").ariaBusy = !answer && !error;
    if (answer || error) render();
    if (answer && !filters) learn();
  });

  /** The filters do not depend on the picture, so they are asked for once. */
  async function learn() {
    try {
      filters = (await (await fetch("api/network")).json()).filters;
      render();
    } catch {
      // asked for again with the next explanation
    }
  }

  function render() {
    element("flow").hidden = !shown;
    element("inside-empty").hidden = Boolean(shown);
    if (!shown) return;
    const { answer, sent } = shown;
    const layers = new Map(answer.layers.map((layer) => [layer.name, layer]));
    const digit = answer.reading.digits[answer.digit];
    framing(answer.frame, sent);
    conv1.show(layers.get("conv1"), answer.frame.pixels, filters?.conv1);
    conv2.show(layers.get("conv2"), answer.frame.pixels, filters?.conv2);
    neurons(layers.size > 1 ? layers.get("fc1") : null);
    logits(answer.layers.at(-1).values, digit);
    why.show(answer, sent);
  }

  inWords(render);
  return {
    refresh: render,
    stale: () => (element("inside").ariaBusy = true),
    show(sent, index = 0) {
      element("inside").ariaBusy = Boolean(sent);
      if (!sent) {
        shown = null;
        render();
      }
      ask(`api/explain?digit=${index}`, sent && (() => sent), SETTLE);
    },
  };
}

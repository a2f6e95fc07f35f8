// The last two layers: neurons that weigh all maps at once, and ten logits that become ten probabilities.

import { largest } from "./grids.js";
import { number, percent, t } from "./i18n.js";

const element = (id) => document.getElementById(id);

/** Show the numbers of a `layer` of neurons; nothing where the network has none. */
export function neurons(layer) {
  element("step-neurons").hidden = !layer;
  if (!layer) return;
  const { values } = layer;
  const most = largest(values);
  const cells = values.map((value) => {
    const cell = document.createElement("span");
    cell.style.setProperty("--much", value / most || 0);
    return cell;
  });
  element("neurons").replaceChildren(...cells);
  const active = values.filter((value) => value > 0).length;
  const said = t("neuronsSaid", [values.length, active, values.indexOf(most) + 1, number(most)]);
  element("neurons").ariaLabel = element("neurons-said").textContent = said;
}

/** Show ten logits beside the probabilities of a `digit` of the API's. */
export function logits(values, { result, probabilities }) {
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const across = (from, to) => ({ "--from": (from - least) / (most - least), "--long": (to - from) / (most - least) });
  const rows = values.map((logit, digit) => {
    const row = document.createElement("tr");
    row.className = digit === result ? "best" : "";
    const name = Object.assign(document.createElement("th"), { scope: "row", textContent: digit });
    row.append(name, bar(across(Math.min(0, logit), Math.max(0, logit)), number(logit), logit < 0));
    row.append(bar({ "--from": 0, "--long": probabilities[digit] }, percent(probabilities[digit])));
    return row;
  });
  element("logits").replaceChildren(...rows);
}

/** A cell with a `text` and a bar: where it begins and how long it is, as shares of the cell's width. */
function bar(place, text, below = false) {
  const cell = document.createElement("td");
  const said = Object.assign(document.createElement("span"), { className: "value", textContent: text });
  const track = Object.assign(document.createElement("span"), { className: "track" });
  const length = track.appendChild(Object.assign(document.createElement("span"), { className: "length" }));
  length.classList.toggle("below", below);
  for (const [name, share] of Object.entries(place)) length.style.setProperty(name, share);
  cell.append(said, track);
  return cell;
}

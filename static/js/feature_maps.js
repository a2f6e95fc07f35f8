// The maps of a convolution, one for each filter, and a closer look at the one that is chosen or pointed at.

import { look } from "./feature_detail.js";
import { largest, paintGrid } from "./grids.js";
import { number, t } from "./i18n.js";

/** The maps of the layer that `step`, an element of the page, is about; `view` says what each of their numbers sees. */
export function maps(step, view) {
  const grid = step.querySelector(".maps");
  const closer = look(step.querySelector(".look"), view);
  let shown = null; // {values, frame, filters}
  let chosen = null; // a person's choice; else the map that answers strongest
  let pointed = null;

  function option(index) {
    const button = Object.assign(document.createElement("button"), { type: "button", role: "option" });
    button.append(document.createElement("canvas"));
    button.addEventListener("click", () => choose(index));
    button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && point(index));
    return button;
  }

  function choose(index) {
    chosen = index;
    pointed = null;
    mark();
  }

  function point(index) {
    pointed = index;
    mark();
  }

  const strongest = () => shown.peaks.indexOf(Math.max(...shown.peaks));

  function mark() {
    if (!shown) return;
    const now = chosen ?? strongest();
    [...grid.children].forEach((button, index) => {
      button.ariaSelected = index === now;
      button.tabIndex = index === now ? 0 : -1;
    });
    const index = pointed ?? now;
    closer(index, shown.values[index], shown.frame, shown.filters?.[index]);
  }

  grid.addEventListener("pointerleave", () => point(null));
  grid.addEventListener("keydown", (event) => {
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (chosen ?? strongest()) + step;
    if (next < 0 || next >= grid.children.length) return;
    choose(next);
    grid.children[next].focus();
  });

  return {
    /** Show a `layer` of the API's, of a `frame`, 28 rows of 28; nothing where the network has no such layer. */
    show(layer, frame, filters) {
      step.hidden = !layer;
      if (!layer) return;
      const { values } = layer;
      const peaks = values.map((map) => largest(map));
      shown = { values, frame, filters, peaks };
      if (grid.children.length !== values.length) grid.replaceChildren(...values.map((_, index) => option(index)));
      const most = Math.max(...peaks);
      values.forEach((map, index) => {
        paintGrid(grid.children[index].firstChild, map, most, "--accent");
        grid.children[index].ariaLabel = t("map", [index + 1, number(peaks[index])]);
      });
      mark();
    },
  };
}

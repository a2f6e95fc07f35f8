// The feature maps of a convolution, one per filter, with the details of the selected or pointed-at one.

import { createElement, markSelected } from "./dom.js";
import { createFeatureDetail } from "./feature_detail.js";
import { formatNumber, t } from "./i18n.js";
import { maxAbs, paintGrid } from "./pixel_grids.js";

/**
 * Create the list of the feature maps of one layer.
 *
 * @param {HTMLElement} step the element of the page for this layer
 * @param {import("./feature_detail.js").Geometry} geometry
 * @returns {{show: Function}}
 */
export function createFeatureMaps(step, geometry) {
  const list = step.querySelector(".map-list");
  const showDetail = createFeatureDetail(step.querySelector(".map-detail"), geometry);
  let shown = null; // {values, peaks, digit, filters}
  let selected = null; // the choice of the user; without one, the map with the strongest activation
  let hovered = null;

  function createOption(index) {
    const button = createElement("button", { type: "button", role: "option" });
    button.append(createElement("canvas"));
    button.addEventListener("click", () => select(index));
    button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && hover(index));
    return button;
  }

  function select(index) {
    selected = index;
    hover(null);
  }

  function hover(index) {
    hovered = index;
    update();
  }

  const currentIndex = () => selected ?? shown.peaks.indexOf(Math.max(...shown.peaks));

  function update() {
    if (!shown) return;
    const current = currentIndex();
    markSelected(list.children, current);
    const index = hovered ?? current;
    showDetail(index, shown.values[index], shown.digit, shown.filters?.[index]);
  }

  list.addEventListener("pointerleave", () => hover(null));
  list.addEventListener("keydown", (event) => {
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const offset = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (!offset) return;
    event.preventDefault();
    const next = currentIndex() + offset;
    if (next < 0 || next >= list.children.length) return;
    select(next);
    list.children[next].focus();
  });

  return {
    /**
     * Show the feature maps of a layer; the step is hidden if the network has no such layer.
     *
     * @param {{values: number[][][]}} [layer]
     * @param {number[][]} digit 28 rows of 28, in [0, 255]
     * @param {number[][][] | number[][][][]} [filters] 3×3 each, or one 3×3 slice per input map
     */
    show(layer, digit, filters) {
      step.hidden = !layer;
      if (!layer) return;
      const { values } = layer;
      const peaks = values.map(maxAbs);
      shown = { values, peaks, digit, filters };
      if (list.children.length !== values.length) {
        list.replaceChildren(...values.map((_, index) => createOption(index)));
      }
      const limit = Math.max(...peaks);
      values.forEach((map, index) => {
        paintGrid(list.children[index].firstChild, map, limit, "--accent");
        list.children[index].ariaLabel = t("mapLabel", [index + 1, formatNumber(peaks[index])]);
      });
      update();
    },
  };
}

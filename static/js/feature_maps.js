// The feature maps of a convolution, one per filter, with the details of the selected or pointed-at one.

import { createElement, markSelected, setAria } from "./dom.js";
import { createFeatureDetail } from "./feature_detail.js";
import { formatNumber, t } from "./i18n.js";
import { maxAbs, paintGrid } from "./pixel_grids.js";

/**
 * Create the view of the feature maps of one layer.
 *
 * @param {HTMLElement} step the element of the page for this layer
 * @param {import("./feature_detail.js").Geometry} geometry
 * @returns {{show: (layer: ?{values: number[][][]}, digit: number[][], filters?: Array) => void}} shows a layer of
 *   an answer of api/explain on a digit (28 rows of 28, in [0, 255]), with its filters: 3×3 each, or one 3×3 slice per
 *   input map. The step is hidden if the network has no such layer.
 */
export function createFeatureMaps(step, geometry) {
  const list = createMapList(step.querySelector(".map-list"), select, hover);
  const showDetail = createFeatureDetail(step.querySelector(".map-detail"), geometry);
  let shown = null; // {maps, peaks, digit, filters}
  let chosen = null; // the map that the user selected; without a choice, the one with the strongest activation
  let hovered = null;

  function select(index) {
    chosen = index;
    hover(null);
  }

  function hover(index) {
    hovered = index;
    update();
  }

  function update() {
    if (!shown) return;
    const selected = chosen ?? shown.peaks.indexOf(Math.max(...shown.peaks));
    list.select(selected);
    const index = hovered ?? selected;
    showDetail(index, shown.maps[index], shown.digit, shown.filters?.[index]);
  }

  return {
    show(layer, digit, filters) {
      step.hidden = !layer;
      if (!layer) return;
      const maps = layer.values;
      shown = { maps, peaks: maps.map(maxAbs), digit, filters };
      list.paint(maps, shown.peaks);
      update();
    },
  };
}

/** Create the list box of the maps: a map is selected by click or arrow key, and hovered with the mouse. */
function createMapList(list, onSelect, onHover) {
  let selected = 0;

  function createOption(index) {
    const button = createElement("button", { type: "button" });
    setAria(button, "role", "option");
    button.append(createElement("canvas"));
    button.addEventListener("click", () => onSelect(index));
    button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && onHover(index));
    return button;
  }

  list.addEventListener("pointerleave", () => onHover(null));
  list.addEventListener("keydown", (event) => {
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const offset = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (!offset) return;
    event.preventDefault();
    const next = selected + offset;
    if (next < 0 || next >= list.children.length) return;
    onSelect(next);
    list.children[next].focus();
  });

  return {
    paint(maps, peaks) {
      if (list.children.length !== maps.length) list.replaceChildren(...maps.map((_, index) => createOption(index)));
      const limit = Math.max(...peaks);
      maps.forEach((map, index) => {
        paintGrid(list.children[index].firstChild, map, limit, "--accent");
        setAria(list.children[index], "aria-label", t("mapLabel", [index + 1, formatNumber(peaks[index])]));
      });
    },
    select(index) {
      selected = index;
      markSelected(list.children, index);
    },
  };
}

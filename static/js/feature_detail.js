// The details of one feature map: where it is active on the digit, and the filter that made it.

import { createElement, setAria } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import {
  DIGIT_VIEW_SIZE,
  IMAGE_SIZE,
  gridToCanvas,
  maxAbs,
  paintDiverging,
  resizeToDevicePixels,
} from "./pixel_grids.js";
import { setStroke } from "./theme.js";

/**
 * The position of a feature map on the 28×28 digit, in pixels.
 *
 * @typedef {object} Geometry
 * @property {number} offset from the digit's corner to the map's
 * @property {number} stride between neighbors in the map
 * @property {number} fieldSize side of the receptive field: the square that one activation depends on
 */

/**
 * Create the view of one feature map's details.
 *
 * @param {HTMLElement} container
 * @param {Geometry} geometry
 * @returns {(index: number, map: number[][], digit: number[][], filter?: number[][] | number[][][]) => void}
 */
export function createFeatureDetail(container, geometry) {
  const title = createElement("h4");
  const overlay = createElement("canvas", { className: "map-overlay" });
  setAria(overlay, "role", "img");
  const description = createElement("p");
  const filterTitle = createElement("p", { className: "muted" });
  const kernels = createElement("div", { className: "kernels" }); // an image once it has a filter to show
  container.replaceChildren(title, overlay, description, filterTitle, kernels);

  return (index, map, digit, filter) => {
    const peak = maxAbs(map);
    drawActivation(overlay, map, digit, peak, geometry);
    title.textContent = t("mapTitle", index + 1);
    description.textContent = peak ? t("mapActive", [formatNumber(peak), geometry.fieldSize]) : t("mapInactive");
    setAria(overlay, "aria-label", description.textContent);
    const slices = filter ? (Array.isArray(filter[0][0]) ? filter : [filter]) : [];
    filterTitle.textContent = slices.length ? t("filter", slices.length) : "";
    kernels.classList.toggle("single", slices.length === 1);
    setAria(kernels, "role", slices.length ? "img" : null);
    setAria(kernels, "aria-label", filterTitle.textContent);
    const limit = maxAbs(slices);
    const createKernel = slices.length === 1 ? createKernelTable : createKernelCanvas;
    kernels.replaceChildren(...slices.map((slice) => createKernel(slice, limit)));
  };
}

/** Draw a map over the digit, with a square around the receptive field of its peak. */
function drawActivation(canvas, map, digit, peak, { offset, stride, fieldSize }) {
  const context = resizeToDevicePixels(canvas, DIGIT_VIEW_SIZE);
  const scale = canvas.width / IMAGE_SIZE;
  context.imageSmoothingEnabled = false;
  context.globalAlpha = 0.55;
  context.drawImage(gridToCanvas(digit, 255, "--digit-foreground"), 0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
  const size = map.length * stride * scale;
  context.drawImage(gridToCanvas(map, peak, "--digit-activation"), offset * scale, offset * scale, size, size);
  if (!peak) return;
  const position = map.flat().indexOf(peak);
  const [column, row] = [position % map.length, Math.floor(position / map.length)];
  setStroke(context, "--digit-marker");
  context.strokeRect(column * stride * scale, row * stride * scale, fieldSize * scale, fieldSize * scale);
}

/** Show a 3×3 kernel as colors alone: there is no space for the numbers of 32 kernels. */
function createKernelCanvas(kernel, limit) {
  const canvas = createElement("canvas");
  paintDiverging(canvas, kernel, limit);
  return canvas;
}

/** Show a 3×3 kernel as colored numbers. */
function createKernelTable(kernel, limit) {
  const table = createElement("div", { className: "kernel" });
  for (const value of kernel.flat()) {
    const className = value < 0 ? "negative" : "positive";
    const cell = createElement("span", { className, textContent: formatNumber(value, 1) });
    cell.style.setProperty("--intensity", Math.abs(value) / limit);
    table.append(cell);
  }
  return table;
}

// A closer look at one map: the filter that made it, and what part of the digit excites it.

import { gridOf, largest, paintBoth, sharp } from "./grids.js";
import { colour } from "./theme.js";
import { number, t } from "./i18n.js";

const SIDE = 168; // CSS pixels: six for each of the frame's

/** A function (index, map, frame, filter) that shows a map in `place`. The map's number at (i, j) is about the pixels
 * of the frame around `first` + `step` * (i, j); all that it depends on is a square of `field` pixels. */
export function look(place, { first, step, field }) {
  const title = document.createElement("h4");
  const over = Object.assign(document.createElement("canvas"), { className: "frame", role: "img" });
  const said = document.createElement("p");
  const filterTitle = Object.assign(document.createElement("p"), { className: "quiet" });
  const kernels = Object.assign(document.createElement("div"), { className: "kernels", role: "img" });
  place.replaceChildren(title, over, said, filterTitle, kernels);

  function excited(map, frame) {
    const context = sharp(over, SIDE);
    const scale = over.width / 28;
    const most = largest(map);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = 0.55;
    context.drawImage(gridOf(frame, 255, "--frame-ink"), 0, 0, over.width, over.height);
    context.globalAlpha = 1;
    const side = map.length * step * scale;
    context.drawImage(gridOf(map, most, "--frame-glow"), first * scale, first * scale, side, side);
    if (!most) return null;
    const at = map.flat().indexOf(most);
    const corner = [at % map.length, Math.floor(at / map.length)].map((i) => i * step * scale);
    context.strokeStyle = `rgb(${colour("--frame-mark")})`;
    context.lineWidth = 2;
    context.strokeRect(...corner, field * scale, field * scale);
    return most;
  }

  return (index, map, frame, filter) => {
    title.textContent = t("mapTitle", index + 1);
    const most = excited(map, frame);
    said.textContent = most ? t("excites", [number(most), field]) : t("quietMap");
    over.ariaLabel = said.textContent;
    const slices = filter ? (Array.isArray(filter[0][0]) ? filter : [filter]) : [];
    filterTitle.textContent = slices.length ? t("filter", slices.length) : "";
    kernels.classList.toggle("one", slices.length === 1);
    kernels.ariaLabel = filterTitle.textContent;
    kernels.replaceChildren(...slices.map((slice) => kernel(slice, largest(slices), slices.length === 1)));
  };
}

/** A 3×3 filter: as numbers where there is room for them, else in colours alone. */
function kernel(rows, most, large) {
  if (!large) {
    const canvas = document.createElement("canvas");
    paintBoth(canvas, rows, most);
    return canvas;
  }
  const table = document.createElement("div");
  table.className = "kernel";
  for (const value of rows.flat()) {
    const cell = document.createElement("span");
    cell.textContent = number(value, 1);
    cell.style.setProperty("--much", Math.abs(value) / most);
    cell.className = value < 0 ? "below" : "above";
    table.append(cell);
  }
  return table;
}

// Light or dark, as the system has it or as it was chosen; and the colours of the style sheet, for canvases.

import { remember, remembered } from "./storage.js";

const probe = document.createElement("i");

/** A colour of the style sheet, "--accent" say, as [red, green, blue]. */
export function colour(name) {
  if (!probe.isConnected) document.body.append(Object.assign(probe, { hidden: true }));
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
}

/** Follow what is chosen in `select`; `changed()` is called whenever the colours change. */
export function theme(select, changed) {
  const follow = () => {
    document.documentElement.dataset.theme = select.value;
    changed();
  };
  select.value = remembered("theme") ?? "auto";
  select.addEventListener("change", () => {
    remember("theme", select.value);
    follow();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  follow();
}

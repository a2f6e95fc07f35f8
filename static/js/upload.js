// Pictures that are dropped, pasted or picked, and how they lie on the paper.

import { MIXED, canvasOf } from "./render.js";
import { HEIGHT, WIDTH } from "./strokes.js";

/** A picture from a file, in the middle of the paper; null where the browser cannot show it. */
export async function opened(file) {
  let whole;
  try {
    whole = await createImageBitmap(file);
  } catch {
    return null;
  }
  const pixels = whole.width; // that the server counts in
  const image = await reduced(whole);
  const scale = Math.min(WIDTH / image.width, HEIGHT / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  const place = { x: (WIDTH - width) / 2, y: (HEIGHT - height) / 2, width, height };
  return { image, file, width: pixels, name: file.name, place, ink: isDark(image) ? "white" : "black" };
}

/** A picture no larger than it is shown, as a photo takes 48 MB and is painted with every move of the pen. */
async function reduced(image) {
  const scale = MIXED / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const size = { resizeWidth: Math.round(image.width * scale), resizeHeight: Math.round(image.height * scale) };
  const small = await createImageBitmap(image, { ...size, resizeQuality: "high" });
  image.close();
  return small;
}

/** Whether a black pen would not be seen on a picture: most of it is dark, or it is light ink on nothing. */
function isDark(image) {
  const side = 64; // pixels, enough to see that
  const context = canvasOf(side, side).getContext("2d");
  context.drawImage(image, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  let [light, opaque] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    light += (data[i + 3] * (data[i] + data[i + 1] + data[i + 2])) / (3 * 255);
    opaque += data[i + 3] / 255;
  }
  const share = opaque / (side * side);
  if (share > 0.5) return (light + 255 * (side * side - opaque)) / (side * side) < 110;
  return light / opaque > 128; // as the server has it: what is behind ink that is light is dark
}

/** Call `got(file)` with each picture that is dropped on the page, pasted into it, or picked with one of `inputs`. */
export function pictures(zone, inputs, got) {
  const first = (files) => [...files].find(({ type }) => type.startsWith("image/")) ?? files[0];
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // else the browser leaves the page to show the file
      zone.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || zone.classList.remove("over"));
  addEventListener("drop", (event) => {
    zone.classList.remove("over");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    got(first(event.dataTransfer.files));
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) got(first(event.clipboardData.files));
  });
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (input.files.length) got(input.files[0]);
      input.value = ""; // so that the same file can be picked again
    });
  }
}

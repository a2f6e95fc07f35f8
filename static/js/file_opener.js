// Opens picture files: those that the browser cannot show as the server sees them are shown by the server.

import { decodeDataUrl } from "./rasterize.js";
import { createLatestRequest } from "./requests.js";
import { loadPicture } from "./upload.js";

// Of pages and frames the server takes the first with writing; browsers show the first, or none. Some show an SVG file
// without a size at another size than the server.
const SERVER_TYPE = /^(image\/(gif|tiff|svg\+xml)|application\/pdf)$/;
const SERVER_SUFFIX = /\.(gif|tiff?|svg|pdf)$/i; // some systems know no type for them
const ANIMATION_CHUNK = /acTL|ANIM/; // of PNG and WebP files, near their beginning
const BEGINNING = 4096; // bytes

async function needsServer(file) {
  if (SERVER_TYPE.test(file.type) || SERVER_SUFFIX.test(file.name)) return true;
  const beginning = await file.slice(0, BEGINNING).text().catch(() => "");
  return ANIMATION_CHUNK.test(beginning);
}

/**
 * A file, or a page of one, on its way to the canvas, or one that was rejected.
 *
 * @typedef {object} Opening
 * @property {File} file
 * @property {number} [page] that was chosen, from 1; without it the first with writing
 * @property {number} [pages] in the file, if known
 * @property {boolean} isOpening
 * @property {"gone" | "busy"} [wait] why it takes longer
 * @property {{code: string, message: string}} [error] why it was rejected
 */

/**
 * Create an opener of files, of which only the latest matters.
 *
 * @param {(picture: import("./upload.js").Picture) => void} onPicture
 * @param {() => void} onChange called when `status` has changed without a picture
 * @returns {{status: ?Opening, open: (page: {file: File, page?: number, pages?: number}) => Promise<void>,
 *   cancel: () => void}} `status` is null while there is nothing to tell: most files are opened at once
 */
export function createFileOpener(onPicture, onChange) {
  let latest = null;
  let status = null;

  const request = createLatestRequest(async ({ answer, error, wait }) => {
    const opening = latest;
    const { file, page } = opening;
    let picture = null;
    if (answer) {
      const png = new Blob([decodeDataUrl(answer.image)], { type: "image/png" });
      picture = await loadPicture(png, { file, page: answer.page, pages: answer.pages });
    } else if (wait === "gone" && !page) {
      picture = await loadInBrowser(file);
    }
    if (opening !== latest) return;
    if (picture) finish(picture);
    else if (wait !== "slow") show({ ...opening, isOpening: !error, wait, error });
  });

  const loadInBrowser = (file) => loadPicture(file, { file, page: 1, pages: 1 });

  function show(newStatus) {
    status = newStatus;
    onChange();
  }

  function reset() {
    latest = status = null;
    request(); // aborts the previous one
  }

  function finish(picture) {
    reset();
    onPicture(picture);
  }

  function cancel() {
    reset();
    onChange();
  }

  async function open(page) {
    const opening = (latest = { ...page, isOpening: true });
    request();
    const isServerNeeded = opening.page || (await needsServer(opening.file));
    const picture = isServerNeeded ? null : await loadInBrowser(opening.file);
    if (opening !== latest) return; // canceled, or another file was opened in the meantime
    if (picture) return finish(picture);
    show(opening);
    request(opening.page ? `api/picture?page=${opening.page}` : "api/picture", () => ({ blob: opening.file }));
  }

  return {
    get status() {
      return status;
    },
    open,
    cancel,
  };
}

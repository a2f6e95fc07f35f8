// The line on the canvas that names the picture file, and the buttons that open its other pages.

import { byId } from "./dom.js";
import { onLanguageChange, t } from "./i18n.js";

/**
 * Create the line.
 *
 * @param {(page: {file: File, page: number, pages: number}) => void} onPage called when the user chooses a page
 * @returns {{show: (shown: ?(import("./upload.js").Source | import("./file_opener.js").Opening)) => void}} shows the
 *   file of the picture on the canvas, or the one that is being opened or was rejected; null for none
 */
export function createFileBar(onPage) {
  const [name, picker, previous, next] = ["file-name", "page-picker", "previous-page", "next-page"].map(byId);
  let shown = null;

  function update() {
    const text = shown ? describe(shown) : "";
    name.hidden = !text;
    if (name.textContent !== text) name.textContent = text; // otherwise screen readers would announce it twice
    picker.hidden = !(shown?.pages > 1);
    if (picker.hidden) return;
    const focused = document.activeElement;
    previous.disabled = shown.page <= 1;
    next.disabled = shown.page >= shown.pages;
    // A button that is disabled would lose the focus to the top of the page.
    if (focused === previous && previous.disabled) next.focus();
    if (focused === next && next.disabled) previous.focus();
  }

  function turnPage(step) {
    const { file, page, pages } = shown;
    onPage({ file, page: page + step, pages });
  }

  previous.addEventListener("click", () => turnPage(-1));
  next.addEventListener("click", () => turnPage(1));
  onLanguageChange(update);
  return {
    show(newShown) {
      shown = newShown;
      update();
    },
  };
}

/** Describe a file in the current language. A picture on the canvas has neither `isOpening` nor an `error`. */
function describe({ file, page, pages, isOpening, wait, error }) {
  const title = pages > 1 ? t("filePage", [file.name, page, pages]) : file.name;
  if (error) return t("fileRejected", [title, t("error", error)]);
  if (isOpening) return wait ? `${t("fileOpening", title)} ${t(`wait_${wait}`)}` : t("fileOpening", title);
  return pages > 1 ? title : t("fileName", title);
}

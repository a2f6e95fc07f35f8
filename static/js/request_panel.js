// A section of the page with its own request about the drawing: the explanation and the comparison.

import { byId, setAria } from "./dom.js";
import { onLanguageChange, t } from "./i18n.js";
import { createLatestRequest } from "./requests.js";

/**
 * A panel about one digit of a reading.
 *
 * @typedef {object} DigitPanel
 * @property {() => void} refresh renders again
 * @property {() => void} markStale the drawing has changed
 * @property {(snapshot: ?import("./rasterize.js").Snapshot, index?: number) => void} show digit `index` of the reading
 *   of a snapshot; null empties the panel
 */

/**
 * Create a panel: a section whose content shows the server's answer, with a status text while there is none.
 *
 * @param {string} id of the section; its status text has the id `${id}-status`
 * @param {string} contentId
 * @param {string} placeholder key of the text that is shown without a drawing
 * @param {(shown: {answer: object, snapshot: import("./rasterize.js").Snapshot}) => void} render fills the content
 */
export function createRequestPanel(id, contentId, placeholder, render) {
  const [section, content, status] = [id, contentId, `${id}-status`].map(byId);
  let shown = null; // {answer, snapshot}
  let problem = null; // arguments of t()

  const request = createLatestRequest(({ answer, error, wait, snapshot }) => {
    if (answer) shown = { answer, snapshot };
    else if (error) shown = null;
    problem = error ? ["error", error] : wait ? [`wait_${wait}`] : null;
    setAria(section, "aria-busy", Boolean(wait));
    refresh();
  });

  function refresh() {
    content.hidden = !shown;
    status.hidden = Boolean(shown && !problem);
    status.textContent = t(...(problem ?? [placeholder]));
    if (shown) render(shown);
  }

  onLanguageChange(refresh);
  return {
    refresh,
    /** Whether the panel shows the answer for `snapshot`. */
    isShowing: (snapshot) => shown?.snapshot === snapshot,
    /** Mark the content as outdated: the drawing has changed. */
    markStale() {
      request();
      setAria(section, "aria-busy", true);
    },
    /** Send `snapshot` to `path` after `delay` ms and show the answer; null empties the panel. */
    show(snapshot, path, delay) {
      setAria(section, "aria-busy", Boolean(snapshot));
      request(path, snapshot && (() => snapshot), delay);
      if (snapshot) return;
      shown = problem = null;
      refresh();
    },
  };
}

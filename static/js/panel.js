// A part of the page that asks the server about what was read: looking inside, and comparing.

import { asker } from "./requests.js";
import { inWords, t } from "./i18n.js";

/**
 * The section `id`, in which `body` shows what came of it, and a note says why there is nothing: the text `empty`, or
 * what goes wrong. `render({answer, sent})` fills the body; a newer question ends an older one.
 */
export function panel(id, body, empty, render) {
  const [section, content, note] = [id, body, `${id}-note`].map((name) => document.getElementById(name));
  let shown = null; // {answer, sent}
  let trouble = null; // a text and its values

  const ask = asker(({ answer, error, wait, sent }) => {
    if (answer) shown = { answer, sent };
    else if (error) shown = null;
    trouble = error ? ["error", error] : wait ? [`wait_${wait}`] : null;
    section.ariaBusy = Boolean(wait);
    refresh();
  });

  function refresh() {
    content.hidden = !shown;
    note.hidden = Boolean(shown && !trouble);
    note.textContent = t(...(trouble ?? [empty]));
    if (shown) render(shown);
  }

  inWords(refresh);
  return {
    refresh,
    isOf: (sent) => shown?.sent === sent,
    /** What is shown is of an older drawing. */
    stale() {
      ask();
      section.ariaBusy = true;
    },
    /** Ask `path` about what was `sent`, after `settle` ms; null shows nothing. */
    show(sent, path, settle) {
      section.ariaBusy = Boolean(sent);
      ask(path, sent && (() => sent), settle);
      if (sent) return;
      shown = trouble = null;
      refresh();
    },
  };
}

// What the keyboard does. Keys that are letters count only while the focus is on the board (WCAG 2.1.4).

const command = (event) => (event.ctrlKey || event.metaKey) && !event.altKey;
const typing = ({ target }) => target.matches("select, input:not([type=radio]), textarea, dialog *");

/** Call `actions` by key; `board` is the section with the paper and its tools. */
export function keys(board, actions) {
  addEventListener("keydown", (event) => {
    if (typing(event) || event.defaultPrevented) return;
    const action = wanted(event, board.contains(event.target));
    if (!action) return;
    event.preventDefault();
    action(actions);
  });
}

function wanted(event, onBoard) {
  const key = event.key.toLowerCase();
  if (command(event)) {
    if (key === "y" || (key === "z" && event.shiftKey)) return ({ redo }) => redo();
    return key === "z" ? ({ undo }) => undo() : null;
  }
  if (event.altKey && !event.getModifierState("AltGraph")) return null; // [ is AltGr 8 on many keyboards
  if (key === "escape" && !document.querySelector("dialog[open]")) return ({ clear }) => clear();
  if (!onBoard) return null;
  if (key === "e") return ({ erase }) => erase();
  if (key === "[" || key === "]") return () => thicker(key === "]" ? 1 : -1);
  return null;
}

function thicker(step) {
  const pens = [...document.querySelectorAll("[name=pen]")];
  const now = pens.findIndex(({ checked }) => checked);
  pens[Math.min(Math.max(now + step, 0), pens.length - 1)].checked = true;
}

// Keyboard shortcuts. Single characters work only while the focus is on the canvas or its tools (WCAG 2.1.4).

const hasCommandKey = (event) => (event.ctrlKey || event.metaKey) && !event.altKey;
const isTyping = ({ target }) => target.matches("select, input:not([type=radio]), textarea, dialog *");

/**
 * Call `actions` when their keys are pressed.
 *
 * @param {HTMLElement} canvasSection the canvas and its tools
 * @param {{undo: () => void, redo: () => void, clear: () => void, toggleEraser: () => void}} actions
 */
export function initShortcuts(canvasSection, actions) {
  addEventListener("keydown", (event) => {
    if (isTyping(event) || event.defaultPrevented) return;
    const action = findAction(event, actions, canvasSection.contains(event.target));
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function findAction(event, { undo, redo, clear, toggleEraser }, isOnCanvas) {
  const key = event.key.toLowerCase();
  if (hasCommandKey(event)) {
    if (key === "y" || (key === "z" && event.shiftKey)) return redo;
    return key === "z" ? undo : null;
  }
  if (event.altKey && !event.getModifierState("AltGraph")) return null; // "[" is AltGr 8 on many keyboards
  if (key === "escape" && !document.querySelector("dialog[open]")) return clear;
  if (!isOnCanvas) return null;
  if (key === "e") return toggleEraser;
  if (key === "[" || key === "]") return () => changePen(key === "]" ? 1 : -1);
  return null;
}

function changePen(step) {
  const pens = [...document.querySelectorAll("[name=pen]")];
  const current = pens.findIndex(({ checked }) => checked);
  pens[Math.min(Math.max(current + step, 0), pens.length - 1)].checked = true;
}

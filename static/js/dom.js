// Shorthands for the DOM.

/**
 * Find an element by its id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Create an element and set its properties, for example `createElement("p", { className: "muted" })`.
 *
 * @param {string} tag
 * @param {object} [properties]
 * @returns {HTMLElement}
 */
export const createElement = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

/**
 * Mark one of several options or tabs as selected. Only this one is reached by the Tab key (roving tabindex).
 *
 * @param {HTMLCollection} items
 * @param {number} selected index
 */
export function markSelected(items, selected) {
  [...items].forEach((item, index) => {
    item.ariaSelected = index === selected;
    item.tabIndex = index === selected ? 0 : -1;
  });
}

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
 * Set an attribute that assistive technology reads, or remove it if `value` is null. The properties of the same names,
 * such as `element.ariaLabel`, are missing in Firefox before 119.
 *
 * @param {Element} element
 * @param {string} name "role" or an aria- attribute
 * @param {?(string | boolean)} value
 */
export function setAria(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/**
 * Mark one of several options or tabs as selected. Only this one is reached by the Tab key (roving tabindex).
 *
 * @param {HTMLCollection} items
 * @param {number} selected index
 */
export function markSelected(items, selected) {
  [...items].forEach((item, index) => {
    setAria(item, "aria-selected", index === selected);
    item.tabIndex = index === selected ? 0 : -1;
  });
}

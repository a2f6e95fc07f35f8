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

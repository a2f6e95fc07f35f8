// Values that the browser keeps for the next visit. Storage can be blocked or full: the page works without it.

/**
 * Read a stored value.
 *
 * @param {string} key
 * @param {"localStorage" | "sessionStorage"} [storage]
 * @returns {*} the value; null if there is none or if storage is blocked
 */
export function load(key, storage = "localStorage") {
  try {
    return JSON.parse(window[storage].getItem(`digits.${key}`));
  } catch {
    return null;
  }
}

/**
 * Store a value, if the browser allows it.
 *
 * @param {string} key
 * @param {*} value anything that JSON can represent
 * @param {"localStorage" | "sessionStorage"} [storage]
 */
export function save(key, value, storage = "localStorage") {
  try {
    window[storage].setItem(`digits.${key}`, JSON.stringify(value));
  } catch {
    // Blocked or full: the next visit starts without the value.
  }
}

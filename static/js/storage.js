// What the browser keeps for the next visit; a browser that keeps nothing is no fault.

export function remembered(key, store = "localStorage") {
  try {
    return JSON.parse(window[store].getItem(`digits.${key}`));
  } catch {
    return null;
  }
}

export function remember(key, value, store = "localStorage") {
  try {
    window[store].setItem(`digits.${key}`, JSON.stringify(value));
  } catch {
    // it is forgotten, then
  }
}

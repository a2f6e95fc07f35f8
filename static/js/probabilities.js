// What the probabilities of a digit mean for a reader: uncertain, no digit at all, and the second most probable digit.

/** The probability below which a user should check a reading; the server writes it into the page. */
const CONFIDENCE_THRESHOLD = Number(document.querySelector("[name=confidence-threshold]").content);

/** The probability below which a component is no digit: a non-digit gives each of the ten about 0.1. */
const NON_DIGIT_THRESHOLD = 0.2;

/**
 * A digit of a reading.
 *
 * @typedef {object} Digit
 * @property {number} result the most probable digit
 * @property {number} probability of `result`
 * @property {number[]} probabilities of the ten digits
 * @property {number[]} box left, top, right, bottom in pixels of the picture that was sent
 */

/** @type {(probability: number) => boolean} */
export const isUncertain = (probability) => probability < CONFIDENCE_THRESHOLD;

/** @type {(digit: Digit) => boolean} */
export const isNonDigit = ({ probability }) => probability < NON_DIGIT_THRESHOLD;

/** @type {(digit: Digit) => string} "?" for a non-digit */
export const digitLabel = (digit) => (isNonDigit(digit) ? "?" : String(digit.result));

/**
 * Find the most probable digit after `result`.
 *
 * @param {Digit} digit
 * @returns {number}
 */
export function secondMostProbable({ probabilities, result }) {
  const others = probabilities.map((p, digit) => (digit === result ? -1 : p));
  return others.indexOf(Math.max(...others));
}

// Requests to the server. A new request aborts the previous one; a slow, busy or absent server is asked again.

const RETRY_DELAY = 2000; // ms before the next attempt, if the server does not name a time
const SLOW_AFTER = 1500; // ms until the user sees that it takes longer; a reading takes about 10
const TIMEOUT = 15_000; // ms until a server counts as gone

/**
 * The outcome of one attempt: an answer, an error, or a reason to wait for the next attempt.
 *
 * @typedef {object} Outcome
 * @property {object} [answer] JSON of the server
 * @property {{code: string, message: string}} [error]
 * @property {"slow" | "gone" | "busy"} [wait]
 * @property {string} [message] of a busy server
 * @property {import("./rasterize.js").Snapshot | {blob: Blob}} [snapshot] that was sent
 */

/**
 * Create a function that sends snapshots, or files as `{blob}`, of which only the latest matters.
 *
 * @param {(outcome: Outcome) => void} onOutcome
 * @returns {(path?: string, makeSnapshot?: () => ?Outcome["snapshot"], delay?: number) => Promise<void>}
 *   aborts the previous request; after `delay` ms without a newer call, sends what `makeSnapshot` returns. Without
 *   `makeSnapshot`, or if it returns null, nothing is sent.
 */
export function createLatestRequest(onOutcome) {
  let controller = new AbortController();

  return async function request(path, makeSnapshot, delay = 0) {
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    if (!makeSnapshot) return;
    await wait(delay, signal);
    const snapshot = signal.aborted ? null : makeSnapshot();
    while (snapshot && !signal.aborted) {
      const slowTimer = setTimeout(() => onOutcome({ wait: "slow" }), SLOW_AFTER);
      const { retryDelay, ...outcome } = await post(path, snapshot, signal).finally(() => clearTimeout(slowTimer));
      if (signal.aborted) return;
      onOutcome({ ...outcome, snapshot });
      if (!outcome.wait) return;
      await wait(retryDelay, signal);
    }
  };
}

/** Post a snapshot or a file; returns the outcome and, if another attempt is due, its `retryDelay` in ms. */
async function post(path, { blob, isJson }, signal) {
  // One controller for both reasons to stop: AbortSignal.any is missing in Safari before 17.4 and Firefox before 124.
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  signal.addEventListener("abort", abort);
  const timer = setTimeout(abort, TIMEOUT);
  const fileType = blob.type.startsWith("image/") ? blob.type : "application/octet-stream";
  const options = {
    method: "POST",
    body: blob,
    headers: { "Content-Type": isJson ? "application/json" : fileType },
    signal: attempt.signal,
  };
  // Nothing else is tried: a mistake in this script must not look like a server that does not answer.
  const [response, answer] = await fetchJson(path, options).catch(() => []);
  clearTimeout(timer);
  signal.removeEventListener("abort", abort);
  if (response?.ok && answer && !answer.error) return { answer };
  // JSON, but not from our server: a proxy in front of it answered.
  if (!answer?.error?.message) return { wait: "gone", retryDelay: RETRY_DELAY };
  if (![429, 503].includes(response.status)) return { error: answer.error };
  const retryAfter = 1000 * Number(response.headers.get("Retry-After"));
  return { wait: "busy", message: answer.error.message, retryDelay: retryAfter || RETRY_DELAY };
}

async function fetchJson(path, options) {
  const response = await fetch(path, options);
  return [response, await response.json()];
}

function wait(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

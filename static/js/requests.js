// Asks the server. The newest question wins: an older one is aborted. Who is not there, slow or busy is asked again.

const RETRY = 2000; // ms before a server that did not answer is asked again
const SLOW = 1500; // ms after which it is said that an answer takes long; a reading takes about 10
const PATIENCE = 15_000; // ms after which a server counts as gone

/**
 * A function (path, make, delay) that sends what `make()` gives, after `delay` ms without a newer question.
 *
 * What comes of it is told: `{answer, sent}`, `{error, sent}` or `{wait: "slow" | "gone" | "busy", message}`, in
 * which case it goes on. `make` is null for nothing to ask, or gives null for that.
 */
export function asker(told) {
  let newest = new AbortController();

  return async function ask(path, make, delay = 0) {
    newest.abort();
    newest = new AbortController();
    const { signal } = newest;
    if (!make) return;
    await pause(delay, signal);
    const sent = signal.aborted ? null : make();
    while (sent && !signal.aborted) {
      const slow = setTimeout(() => told({ wait: "slow" }), SLOW);
      const said = await fetched(path, sent.blob, signal).finally(() => clearTimeout(slow));
      if (signal.aborted) return;
      told({ ...said, sent });
      if (!said.wait) return;
      await pause(said.after, signal);
    }
  };
}

async function fetched(path, blob, signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    const headers = { "Content-Type": blob.type.startsWith("image/") ? blob.type : "application/octet-stream" };
    const either = AbortSignal.any([signal, patience]);
    const response = await fetch(path, { method: "POST", body: blob, headers, signal: either });
    const answer = await response.json();
    if (response.ok && answer && !answer.error) return { answer };
    if (!answer.error?.message) throw new Error("an answer, but not of our server: of a proxy, say");
    if (![429, 503].includes(response.status)) return { error: answer.error };
    const after = 1000 * Number(response.headers.get("Retry-After"));
    return { wait: "busy", message: answer.error.message, after: after || RETRY };
  } catch {
    return { wait: "gone", after: RETRY };
  }
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

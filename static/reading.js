// Asks the server what a drawing says. One request at a time: what is drawn meanwhile is asked about
// next, so the newest drawing is always read last, and a slow server is not flooded.

const RETRY = 2000; // ms before a server that did not answer is asked again
const PATIENCE = 10_000; // ms after which a server counts as gone; a reading takes about 10

/** Call the result with a picture's data: URL, or null for none; `answered({reading} | {error})` follows. */
export function reading(answered) {
  let wanted = null;
  let version = 0;
  let cleared = 0;
  let busy = false;

  async function work() {
    busy = true;
    while (wanted !== null) {
      const asked = version;
      const answer = await ask(wanted());
      if (asked < cleared) continue; // wiped out meanwhile
      answered(answer);
      if (answer.retry) await new Promise((resolve) => setTimeout(resolve, RETRY));
      else if (asked === version) break; // else it was drawn on meanwhile
    }
    busy = false;
  }

  return (picture) => {
    wanted = picture;
    version++;
    if (picture === null) cleared = version;
    if (!busy) work();
  };
}

async function ask(image) {
  try {
    const response = await fetch("api", {
      method: "POST",
      signal: AbortSignal.timeout(PATIENCE),
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ image }),
    });
    const body = await response.json();
    if (response.ok && body.digits) return { reading: body };
    if (!body.error?.message) throw new Error("an answer, but not of our server: of a proxy, say");
    return { error: body.error, retry: response.status === 503 };
  } catch {
    const message = "The server does not answer. Your drawing is kept; it will be read when it is back.";
    return { error: { code: "offline", message }, retry: true };
  }
}

// What the networks have learned, which does not depend on a picture: asked for once, and again if that failed.

let asked = null;

/** A promise of what `GET api/network` answers; null where it does not. */
export function learned() {
  asked ??= fetch("api/network")
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null)
    .then((answer) => {
      if (!answer) asked = null;
      return answer;
    });
  return asked;
}

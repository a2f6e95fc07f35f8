// The learned weights of the networks. They do not depend on the drawing, so they are fetched once.

let pending = null;

/**
 * Fetch the weights from `GET api/network`. After a failure the next call tries again.
 *
 * @returns {Promise<?object>} null if the server does not answer
 */
export function fetchWeights() {
  pending ??= fetch("api/network")
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null)
    .then((network) => {
      if (!network) pending = null;
      return network;
    });
  return pending;
}

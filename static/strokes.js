// A drawing is data: strokes of points [x, y] in units of the paper's side, so that it can be painted
// again at any size, in any colour, and sent at one size whatever screen it was drawn on.

export const PEN = 0.07; // of the paper's side: digits drawn at usual size get about MNIST's stroke width

/** Paint strokes on a square of `side` pixels: smooth curves through the middles between points. */
export function paint(context, strokes, side, colour) {
  context.strokeStyle = colour;
  context.lineWidth = PEN * side;
  context.lineCap = context.lineJoin = "round";
  for (const points of strokes) {
    const at = points.map(([x, y]) => [x * side, y * side]);
    const last = at.at(-1);
    context.beginPath();
    context.moveTo(...at[0]);
    for (let i = 1; i < at.length - 1; i++) {
      const middle = [(at[i][0] + at[i + 1][0]) / 2, (at[i][1] + at[i + 1][1]) / 2];
      context.quadraticCurveTo(...at[i], ...middle);
    }
    context.lineTo(last[0] + 0.01, last[1]); // of a single point, too, something: a dot
    context.stroke();
  }
}

/** The drawing as a PNG data: URL, black on white, `side` pixels square. */
export function picture(strokes, side = 280) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  paint(context, strokes, side, "black");
  return canvas.toDataURL("image/png");
}

// The texts of the page in English.

const ordinal = (n) => `${n}${["th", "st", "nd", "rd"][n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? "th"}`;
const sure = (percent) => `${percent.replace(">", "more than ")} sure`;
const capitalize = (text) => text[0].toUpperCase() + text.slice(1);
const NETWORKS = {
  softmax: {
    name: "Softmax",
    description:
      "Lays one template per digit over the whole picture and adds up what matches. It knows no strokes, so a digit in another style fits no template.",
  },
  mlp: {
    name: "Multilayer perceptron",
    description:
      "128 neurons, each of which sees all pixels at once. They find more than templates do, but they do not know which pixels are neighbors.",
  },
  cnn: {
    name: "Convolutional network",
    description:
      "Looks for small strokes everywhere, then for shapes made of them. It knows which pixels are neighbors, so a digit may lean, or be thick or thin.",
  },
};

export default {
  name: "English",
  title: "Digits: write one, and see how a network reads it",
  heading: "Write a digit",
  tagline: "A small neural network, made of 225,034 numbers, reads along. Then look inside it.",
  tourStart: "Take the tour",
  language: "Language",
  theme: "Theme",
  themeAuto: "◐ Auto",
  themeLight: "☀ Light",
  themeDark: "☾ Dark",

  canvasTitle: "Canvas",
  canvasLabel: "Write digits here with a mouse, finger or pen. You can also choose a picture, or let the page write a digit for you.",
  hint: "Write a digit here, or a longer number",
  hintDetail: "or drop, paste or choose a picture",
  tools: "Drawing tools",
  undo: "Undo",
  redo: "Redo",
  erase: "Eraser",
  clear: "Clear",
  pen: "Pen",
  penThin: "Thin pen",
  penMedium: "Medium pen",
  penThick: "Thick pen",
  file: "Picture",
  camera: "Camera",
  sample: "Write one for me",
  shortcuts: "Ctrl V pastes a picture. With the focus on the canvas or its tools, E is the eraser, [ and ] change the pen.",
  fileName: (name) => `Picture: ${name}`,
  filePage: ([name, page, pages]) => `${name}, page ${page} of ${pages}`,
  fileOpening: (name) => `Opening ${name} …`,
  fileRejected: ([name, reason]) => `${name} cannot be shown here. ${reason}`,
  pages: "Pages of the file",
  previousPage: "Previous page",
  nextPage: "Next page",

  resultTitle: "Reading",
  digitsLabel: "The digits I read: choose one",
  digitLabel: ([digit, percent]) => `${digit}, ${sure(percent)}`,
  bars: "How likely each digit is",
  barsOfDigit: ([n, count]) => `How likely each digit is: ${ordinal(n)} of ${count}`,
  blank: "Nothing here yet.",
  blankDetail: "Write as you would on paper. I read along, stroke by stroke.",
  confidence: (percent) => `${capitalize(sure(percent))}.`,
  certain: ([text, percent]) => `${text} · ${sure(percent)}`,
  uncertain: ([text, other]) => (other === null ? `Maybe ${text}.` : `Maybe ${text}, maybe ${other}.`),
  uncertainDigit: ([n, digit, other]) =>
    `I am not sure about the ${ordinal(n)} digit: ${digit}${other === null ? "" : `, or maybe ${other}`}.`,
  uncertainSegmentation: "I am not sure where one digit ends and the next begins.",
  marks: (marks) =>
    `I only read digits, so I left out ${marks.map((mark) => (mark ? `“${mark}”` : "another sign")).join(", ")}.`,
  nonDigitAt: (n) => `The ${ordinal(n)} is not a digit, I think.`,
  nonDigit: "Not a digit, I think.",
  nonDigitDetail: "It may be a fine drawing, but I only know 0 to 9.",
  unreadable: "I could not read this.",
  error: ({ message }) => message,
  wait_slow: "Still reading …",
  wait_busy: "The server is busy.",
  wait_gone: "The server does not answer.",
  waitDetail: ({ message }) => `${message ? `${message} ` : ""}Your drawing is safe. I will read it as soon as I can.`,

  explainTitle: "Look inside",
  explainLead: "How the network gets from your ink to its answer.",
  explainPlaceholder: "Write a digit above, or let the page write one, and watch it go through the network.",
  normalizationTitle: "Your digit is cut out and centered",
  normalizationText:
    "It is cut out, scaled to 20 pixels and moved until its center of mass is in the middle. The network sees only these 28×28 numbers.",
  cropped: "cut out",
  scaled: "20 pixels",
  centered: "centered",
  croppedLabel: "Your digit and the box around its ink",
  scaledLabel: "Your digit in a square of 20 by 20 pixels",
  centeredLabel: "Your digit in 28 by 28 pixels, its center of mass marked near the middle",
  conv1Title: "32 filters look for strokes",
  conv1Text:
    "Each filter is a pattern of 3×3 numbers. It slides over your digit and lights up where it finds its kind of edge or stroke.",
  conv1Maps: "Maps of the first convolution",
  conv2Title: "64 filters look for shapes",
  conv2Text: "They look at all 32 maps at once, and light up at corners, crossings, ends and curves.",
  conv2Maps: "Maps of the second convolution",
  mapLabel: ([n, peak]) => `Map ${n}, strongest match ${peak}`,
  mapTitle: (n) => `Map ${n}`,
  mapActive: ([peak, size]) =>
    `Lights up where the ink matches its ${size}×${size} pattern. Strongest match: ${peak}, in the square.`,
  mapInactive: "Finds no match in your digit.",
  filter: (n) => (n === 1 ? "Its filter: blue wants ink, orange wants none" : `Its filter: 3×3 numbers for each of ${n} maps`),
  fc1Title: "128 neurons weigh it all",
  fc1Text: "Each neuron looks at everything that was found, and where. The better it fits, the stronger the neuron responds.",
  neuronsSummary: ([count, active, strongest, peak]) =>
    `${active} of ${count} respond. Number ${strongest} responds most strongly, with ${peak}.`,
  logitsTitle: "Ten logits become ten probabilities",
  logitsText:
    "The neurons vote for or against each digit. Softmax turns the sums, called logits, into probabilities. If all logits are below zero, it is not a digit.",
  digit: "Digit",
  logit: "Logit",
  probability: "Probability",
  saliencyTitle: "Which ink counts?",
  saliencyText:
    "Random patches cover most of your digit, hundreds of times, and the network reads the rest: ink that makes it surer of a digit supports that digit (RISE, Petsiuk et al. 2018). Choose a digit to ask about.",
  why: (digit) => `Why ${digit}?`,
  whyNot: (digit) => `Why not ${digit}?`,
  saliencyLabel: (digit) => `Your digit: ink that supports ${digit} is blue, ink that opposes it is orange`,
  saliencyClasses: "Why not another digit?",
  saliencyPositive: "supports it",
  saliencyNegative: "opposes it",
  saliencyNeutral: "no effect",

  compareTitle: "Compare",
  compareLead: "The same digits, read by simpler networks that learned from the same examples.",
  comparePlaceholder: "Write a digit above, and three networks will read it side by side.",
  networkName: (name) => NETWORKS[name]?.name ?? name,
  networkDescription: (name) => NETWORKS[name]?.description ?? "",
  networkSize: ([parameters, accuracy]) =>
    `${parameters} numbers${accuracy ? `, ${accuracy} of MNIST's test images right` : ""}`,
  template: (digit) => `Its template for ${digit}: blue wants ink, orange wants none`,
  sameReading: "The same reading.",
  differentReading: "Another reading.",

  tourProgress: ([n, count]) => `Step ${n} of ${count}`,
  tourBack: "Back",
  tourNext: "Next",
  tourDone: "Done",
  tourClose: "Close",
  tour1Title: "From ink to numbers",
  tour1:
    "A network sees no picture. It gets 28 rows of 28 numbers: 0 for paper, more for ink. So your digit is made as large as the ones it learned from, and moved to the middle.",
  tour2Title: "Looking for strokes",
  tour2:
    "A filter is a pattern of 3×3 numbers that slides over your digit. Where the ink matches it, the result is high. Nobody chose these numbers: the network learned them. Point at a map, or tap it, to see where it lights up.",
  tour3Title: "Strokes become shapes",
  tour3:
    "The next filters look at what the first ones found: a bar that meets a slope, a curve that closes. A map that stays dark did not find its shape in your digit.",
  tour4Title: "Weighing it all",
  tour4:
    "Each of 128 neurons adds up everything that was found, some of it as a plus, some as a minus. Only sums above zero go on.",
  tour5Title: "The answer",
  tour5:
    "The neurons vote for each of the ten digits, and the votes become probabilities. Below you can ask why, and why not another digit.",

  api: "The API for programs",
};

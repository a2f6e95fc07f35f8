// Ties the page together: the board draws, the server reads, this shows what it said.

import { board } from "./board.js";
import { reading } from "./reading.js";
import { picture } from "./strokes.js";

const element = (id) => document.getElementById(id);
const NO_DIGIT = 0.2; // what is no digit is each of the ten with a probability of 0.1
const sure = (p) => (p > 0.9995 ? "More than 99.9 % sure" : `${(100 * p).toFixed(1)} % sure`);

const bars = Array.from({ length: 10 }, (_, digit) => {
  const item = document.createElement("li");
  item.innerHTML = `<span class="share"></span><span class="track"><span class="bar"></span></span>${digit}`;
  element("bars").append(item);
  return item;
});

function showBars(probabilities) {
  bars.forEach((item, digit) => {
    const p = probabilities[digit] ?? 0;
    item.style.setProperty("--probability", p);
    item.classList.toggle("best", p > 0 && p === Math.max(...probabilities));
    item.querySelector(".share").textContent = p >= 0.005 ? Math.round(100 * p) : "";
  });
}

function show(state, text, sentence, detail, probabilities = []) {
  element("answer").dataset.state = state;
  element("text").textContent = text;
  element("sentence").textContent = sentence;
  element("detail").textContent = detail;
  showBars(probabilities);
}

function showReading({ text, probability, certain, digits }) {
  const { probabilities } = digits.length === 1 ? digits[0] : {}; // bars are one digit's
  const ranked = (probabilities ?? []).map((p, digit) => [p, digit]).sort(([a], [b]) => b - a);
  const other = ranked.length ? `, perhaps ${ranked[1][1]}` : "";
  if (certain) show("certain", text, `It is ${text}.`, sure(probability), probabilities);
  else if (ranked.length && probability < NO_DIGIT) {
    show("uncertain", "?", "This looks like no digit.", "Any of the ten is as likely.", probabilities);
  } else show("uncertain", text, `Perhaps ${text}${other}.`, sure(probability), probabilities);
}

const showBlank = () => show("blank", "?", "Nothing drawn yet.", "Write as you would on paper.");
const read = reading(({ reading: found, error }) => {
  if (found) showReading(found);
  else show("trouble", "?", "No reading.", error.message);
});

let empty = true;
const paper = board(element("canvas"), (strokes) => {
  empty = strokes.length === 0;
  element("hint").hidden = !empty;
  element("undo").disabled = element("clear").disabled = empty;
  if (empty) showBlank();
  read(empty ? null : () => picture(strokes));
});

element("undo").addEventListener("click", paper.undo);
element("clear").addEventListener("click", paper.clear);
addEventListener("keydown", (event) => {
  const undo = event.key.toLowerCase() === "z" && !event.shiftKey && (event.ctrlKey || event.metaKey);
  if (empty || !(undo || event.key === "Escape")) return;
  event.preventDefault();
  if (undo) paper.undo();
  else paper.clear();
});
showBars([]);

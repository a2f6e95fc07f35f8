// Ties the page together: the board draws, the server reads, the rest shows what it said.

import { asker } from "./requests.js";
import { board } from "./canvas.js";
import { boxes } from "./overlay.js";
import { compare } from "./compare.js";
import { BLANK, drawing } from "./history.js";
import { inside } from "./explain.js";
import { keys } from "./shortcuts.js";
import { remember, remembered } from "./storage.js";
import { opened, pictures } from "./upload.js";
import { sent } from "./render.js";
import { result } from "./result.js";
import { samples } from "./samples.js";
import { PENS, begin } from "./strokes.js";
import { inWords, speak, t } from "./i18n.js";
import { theme } from "./theme.js";
import { tour } from "./tour.js";

const SETTLE = 10; // ms in which what follows at once, as undo upon undo, is read with it; more would be felt (bench/page_latency.py)
const element = (id) => document.getElementById(id);

speak(element("language"));

const kept = remembered("strokes", "sessionStorage");
const ink = drawing(changed, Array.isArray(kept) ? { ...BLANK, strokes: kept } : BLANK);
const tool = () => ({
  pen: PENS[document.querySelector("[name=pen]:checked").value],
  erase: element("erase").ariaPressed === "true",
});
function began() {
  read(); // the stroke that has begun belongs to it
  for (const part of parts) part.stale();
  element("hint").hidden = true;
}
const paper = board(element("canvas"), ink, tool, { began, dropped: changed });
const shown = result(choose);
const overlay = boxes(element("boxes"));
const parts = [inside(), compare()];
const read = asker(({ answer, error, wait, message, sent }) => {
  if (answer) {
    overlay.show(answer.digits, sent);
    choose(shown.show({ kind: "reading", reading: answer }), sent);
  } else if (error?.code === "blank") blank();
  else {
    overlay.show([]);
    shown.show(error ? { kind: "error", error } : { kind: "trouble", wait, message });
    if (error) for (const part of parts) part.show(null);
  }
});

let latest = null; // what was read last
let laid = null; // the file that came last
let refused = null; // a file that could not be shown, until the drawing changes

function choose(index, sent = latest) {
  latest = sent;
  overlay.select(index);
  for (const part of parts) part.show(latest, index);
}

function blank() {
  shown.show({ kind: "blank" });
  overlay.show([]);
  for (const part of parts) part.show(null);
}

function changed() {
  refused = null;
  paper.show();
  element("hint").hidden = !ink.isBlank;
  element("undo").disabled = !ink.canUndo;
  element("redo").disabled = !ink.canRedo;
  element("clear").disabled = ink.isBlank;
  remember("strokes", ink.now.picture ? [] : ink.now.strokes, "sessionStorage");
  nameFile();
  if (ink.isBlank) blank();
  else for (const part of parts) part.stale();
  const { now } = ink;
  read("api", ink.isBlank ? null : () => sent(now) ?? (blank(), null), SETTLE);
}

function nameFile() {
  const { picture } = ink.now;
  element("file").hidden = !picture && !refused;
  element("file").textContent = refused ? t("noPicture", refused.name) : picture ? t("file", picture.name) : "";
}

async function lay(file) {
  laid = file;
  const picture = await opened(file);
  if (file !== laid) return; // another one came while this one was being opened
  if (picture) return replace({ picture });
  refused = file;
  nameFile();
}

function replace(next) {
  element("erase").ariaPressed = false; // there is nothing to rub out yet
  ink.replace(next);
}

/** Write a digit for who would rather see one. */
function write(digit) {
  replace({ strokes: samples(digit).map((points) => ({ ...begin(points[0], PENS[1], false), points })) });
}

function doing(action) {
  return () => {
    paper.stop(); // a stroke that is being drawn ends here
    action();
  };
}

const actions = {
  undo: doing(ink.undo),
  redo: doing(ink.redo),
  clear: doing(() => {
    element("erase").ariaPressed = false;
    ink.clear();
  }),
  erase: () => (element("erase").ariaPressed = element("erase").ariaPressed !== "true"),
  sample: doing(() => write(Math.floor(10 * Math.random()))),
};
for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
keys(element("board"), actions);
pictures(element("paper"), [element("pick"), element("photo")], lay);
theme(element("theme"), () => {
  paper.show();
  for (const part of parts) part.refresh();
});
inWords(nameFile);
tour(element("tour"), element("tour-start"), () => element("answer").dataset.state === "blank" && write(3));
changed();

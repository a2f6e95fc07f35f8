// The entry point: connects the canvas, the requests to the server, and the views of the answers.

import { initCanvas } from "./canvas.js";
import { createComparisonPanel } from "./comparison.js";
import { byId, setAria } from "./dom.js";
import { createExplainPanel } from "./explain.js";
import { createFileBar } from "./file_bar.js";
import { createFileOpener } from "./file_opener.js";
import { initLanguage } from "./i18n.js";
import { createOverlay } from "./overlay.js";
import { takeSnapshot } from "./rasterize.js";
import { createLatestRequest } from "./requests.js";
import { createResult } from "./result.js";
import { sampleStrokes } from "./samples.js";
import { initShortcuts } from "./shortcuts.js";
import { load, save } from "./storage.js";
import { PEN_WIDTHS, startStroke } from "./strokes.js";
import { initTheme } from "./theme.js";
import { initTour } from "./tour.js";
import { BLANK_DRAWING, createUndoHistory } from "./undo_history.js";
import { listenForPictures } from "./upload.js";

// ms in which further changes, such as undo after undo, are read together. A longer delay would be noticed
// (bench/page_latency.py).
const READING_DELAY = 10;

let latestSnapshot = null; // that was read

initLanguage(byId("language"));

const savedStrokes = load("drawing", "sessionStorage");
const initialDrawing = Array.isArray(savedStrokes) ? { ...BLANK_DRAWING, strokes: savedStrokes } : BLANK_DRAWING;
const history = createUndoHistory(onDrawingChange, initialDrawing);
const isErasing = () => byId("erase").getAttribute("aria-pressed") === "true";
const setEraser = (pressed) => setAria(byId("erase"), "aria-pressed", pressed);
const getTool = () => ({
  penWidth: PEN_WIDTHS[document.querySelector("[name=pen]:checked").value],
  isEraser: isErasing(),
});
const canvas = initCanvas(byId("canvas"), history, getTool, { onStrokeStart, onStrokeCancel: onDrawingChange });
const result = createResult((index) => selectDigit(index, latestSnapshot));
const overlay = createOverlay(byId("boxes"));
const opener = createFileOpener((picture) => replaceDrawing({ picture }), showFile);
const fileBar = createFileBar(opener.open);
const panels = [createExplainPanel(), createComparisonPanel()];
const requestReading = createLatestRequest(({ answer, error, wait, message, snapshot }) => {
  if (answer) {
    overlay.show(answer.digits, snapshot);
    selectDigit(result.show({ kind: "reading", reading: answer }), snapshot);
  } else if (error?.code === "blank") {
    showBlank();
  } else {
    overlay.show([]);
    result.show(error ? { kind: "error", error } : { kind: "waiting", wait, message });
    if (error) for (const panel of panels) panel.show(null);
  }
});

function selectDigit(index, snapshot) {
  latestSnapshot = snapshot;
  overlay.select(index);
  for (const panel of panels) panel.show(snapshot, index);
}

function showBlank() {
  result.show({ kind: "blank" });
  overlay.show([]);
  for (const panel of panels) panel.show(null);
}

function onStrokeStart() {
  opener.cancel();
  requestReading(); // cancels the pending request: the new stroke belongs to the reading
  for (const panel of panels) panel.markStale();
  byId("hint").hidden = true;
}

function onDrawingChange() {
  const { current, isBlank } = history;
  opener.cancel();
  canvas.redraw();
  byId("hint").hidden = !isBlank;
  byId("undo").disabled = !history.canUndo;
  byId("redo").disabled = !history.canRedo;
  save("drawing", current.picture ? [] : current.strokes, "sessionStorage");
  if (isBlank) showBlank();
  else for (const panel of panels) panel.markStale();
  requestReading("api", isBlank ? null : () => takeSnapshot(current) ?? (showBlank(), null), READING_DELAY);
}

/** Show which file is on the canvas, is being opened, or was rejected. */
function showFile() {
  fileBar.show(opener.status ?? history.current.picture?.source);
  byId("clear").disabled = history.isBlank && !opener.status;
}

function replaceDrawing(drawing) {
  setEraser(false); // there is nothing to erase yet
  history.replace(drawing);
}

function drawSample(digit) {
  const strokes = sampleStrokes(digit).map((points) => ({ ...startStroke(points[0], PEN_WIDTHS[1]), points }));
  replaceDrawing({ strokes });
}

/** Let an action finish the stroke that is being drawn. */
const afterStroke = (action) => () => {
  canvas.finishStroke();
  action();
};

const actions = {
  undo: afterStroke(history.undo),
  redo: afterStroke(history.redo),
  clear: afterStroke(() => {
    opener.cancel(); // also where there is no drawing to clear
    setEraser(false);
    history.clear();
  }),
  toggleEraser: () => setEraser(!isErasing()),
  sample: afterStroke(() => drawSample(Math.floor(10 * Math.random()))),
};
byId("undo").addEventListener("click", actions.undo);
byId("redo").addEventListener("click", actions.redo);
byId("clear").addEventListener("click", actions.clear);
byId("erase").addEventListener("click", actions.toggleEraser);
byId("sample").addEventListener("click", actions.sample);
initShortcuts(byId("canvas-section"), actions);
listenForPictures(byId("canvas-area"), [byId("file-input"), byId("camera-input")], (file) => opener.open({ file }));
initTheme(byId("theme"), () => {
  canvas.redraw();
  for (const panel of panels) panel.refresh();
});
initTour(byId("tour"), byId("tour-start"), () => byId("reading").dataset.status === "blank" && drawSample(3));
onDrawingChange();

/** The camera: sends frames one at a time, shows their faces and counts people. */

import { scored } from "./answers.js";
import { csv, save } from "./downloads.js";
import { draw } from "./drawing.js";
import { WORDS, confidence, counts, labelOf, leftOutInWords, number } from "./labels.js";
import { linked } from "./linking.js";
import { FaceTable, element } from "./results.js";
import { Live, Refusal } from "./service.js";
import { settings } from "./settings.js";
import { Tracks } from "./tracks.js";

const LONGEST_PX = 640;
const SHORTEST_MS = 40;
const COLUMNS = ["track", "label", "confidence", "woman", "man", "frames", "first_s", "last_s"];
const REASONS = {
  NotAllowedError: "The browser blocks the camera: allow it next to the address, then start again.",
  NotFoundError: "No camera was found: connect one, then start again.",
  NotReadableError: "Another program is using the camera: close it, then start again.",
};
const find = (id) => document.getElementById(id);

const table = new FaceTable("Faces in view");
let [frame, next] = [document.createElement("canvas"), document.createElement("canvas")];
let stream = null;
let live = null;
let tracks = new Tracks();
let begin_ms = 0;
let answer = null;
let changed = () => {};

/** Set up the panel; ``onChange`` is called when the visible faces change. */
export function start(onChange) {
  changed = onChange;
  find("camera-faces").append(table.element);
  linked(find("camera-canvas"), table, () => answer, paint);
  find("camera-start").addEventListener("click", () => (stream ? stop() : run()));
  find("cameras").addEventListener("change", () => {
    stop();
    run(find("cameras").value);
  });
  find("camera-png").addEventListener("click", () =>
    find("camera-canvas").toBlob((png) => save(png, "genderscope-camera.png", "image/png")),
  );
  find("camera-csv").addEventListener("click", saveCounts);
  find("camera-reset").addEventListener("click", reset);
  settings.addEventListener("threshold", show);
  settings.addEventListener("network", () => {
    reset(); // counts of another model do not apply
    if (live?.isOpen) live.choose();
  });
}

/** The visible faces. */
export const faces = () => answer?.faces ?? [];

/** Stop the camera. */
export function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  live?.close();
  stream = live = null;
  find("camera-video").srcObject = null;
  find("camera-start").textContent = "Start the camera";
}

async function run(device) {
  tell("");
  find("camera-start").disabled = true;
  try {
    stream = await open(device);
    await list();
    live = await Live.open();
    live.choose();
  } catch (error) {
    stop();
    tell(REASONS[error.name] ?? error.message);
    return;
  } finally {
    find("camera-start").disabled = false;
  }
  find("camera-start").textContent = "Stop the camera";
  reset();
  await frames(stream, live);
}

async function open(device) {
  if (!navigator.mediaDevices) {
    throw new Refusal("Browsers only allow the camera on https pages and on 127.0.0.1.");
  }
  const wanted = device ? { deviceId: { exact: device } } : { facingMode: "user" };
  const opened = await navigator.mediaDevices.getUserMedia({ video: wanted });
  const video = find("camera-video");
  video.srcObject = opened;
  await video.play();
  return opened;
}

async function list() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  const used = stream.getVideoTracks()[0].getSettings().deviceId;
  const options = cameras.map(({ deviceId, label }) => new Option(label, deviceId));
  find("cameras").replaceChildren(...options);
  find("cameras").value = used;
  find("camera-choice").hidden = cameras.length < 2;
}

/** Process frames until the camera or the service stops. */
async function frames(mine, socket) {
  let rate = 0;
  while (stream === mine) {
    const begin = performance.now();
    try {
      const latest = await scored(await socket.look(await grab()));
      if (stream !== mine) return;
      take(latest);
      tell("");
    } catch (refusal) {
      if (stream !== mine) return;
      tell(refusal.message);
      if (!socket.isOpen) stop();
    }
    const latency_ms = performance.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, SHORTEST_MS - latency_ms));
    const now = 1000 / (performance.now() - begin);
    rate = rate ? rate + (now - rate) / 10 : now;
    find("camera-speed").textContent =
      `${number(Math.round(rate), "frame")} per second, ${latency_ms.toFixed(0)} ms latency`;
  }
}

function take(latest) {
  if (latest.model !== settings.model.name) return; // sent before the model changed
  [frame, next] = [next, frame];
  const followed = tracks.update(latest.faces, performance.now() - begin_ms);
  answer = { ...latest, faces: followed.sort((one, other) => one.track - other.track) };
  show();
}

function grab() {
  const video = find("camera-video");
  const zoom = Math.min(LONGEST_PX / Math.max(video.videoWidth, video.videoHeight), 1);
  next.width = Math.round(video.videoWidth * zoom);
  next.height = Math.round(video.videoHeight * zoom);
  next.getContext("2d").drawImage(video, 0, 0, next.width, next.height);
  return new Promise((resolve) => next.toBlob(resolve, "image/jpeg", 0.85));
}

function show() {
  if (!answer) return;
  find("camera-view").hidden = false;
  paint();
  table.update(answer.faces, settings.threshold);
  find("camera-left-out").textContent = leftOutInWords(answer);
  tally();
  changed();
}

function paint() {
  draw(find("camera-canvas"), frame, answer, settings.threshold, { marked: table.marked });
}

function tally() {
  const seen = [...tracks.counted.values()];
  const totals = counts(seen, settings.threshold);
  const entries = WORDS.map((word) => {
    const name = element("dt", { textContent: word, className: "label" });
    name.dataset.label = word;
    return element("div", {}, name, element("dd", { textContent: totals[word] }));
  });
  find("tally").replaceChildren(...entries);
}

function reset() {
  tracks = new Tracks();
  begin_ms = performance.now();
  tally();
}

function saveCounts() {
  const rows = [...tracks.counted.values()].map(({ scores, ...track }) => ({
    ...track,
    ...scores,
    label: labelOf({ scores }, settings.threshold),
    confidence: confidence({ scores }),
  }));
  save(csv(rows, COLUMNS), "genderscope-camera.csv", "text/csv");
}

function tell(message) {
  const problem = find("camera-problem");
  problem.hidden = !message;
  if (problem.textContent !== message) problem.textContent = message;
}

/** The camera: shows its video, with the faces of the frames that it sends, and counts people. */

import { scored } from "./answers.js";
import { canCut, png } from "./crops.js";
import { csv, save } from "./downloads.js";
import { draw } from "./drawing.js";
import { Frames } from "./frames.js";
import { WORDS, confidence, counts, labelOf, leftOutInWords, number } from "./labels.js";
import { linked } from "./linking.js";
import { FaceTable, element } from "./results.js";
import { Live, Refusal } from "./service.js";
import { settings } from "./settings.js";
import { Tracks } from "./tracks.js";

const CAMERA_PX = { width: { ideal: 1280 }, height: { ideal: 720 } };
const LONGEST_PX = 1024; // longest side of the canvas
const IN_FLIGHT = 2; // frames sent and not yet answered
const [FRAME_MS, LIST_MS] = [40, 200]; // minimum time between frames, and between those with crops and maps
const COLUMNS = ["track", "label", "confidence", "woman", "man", "frames", "first_s", "last_s"];
const REASONS = {
  NotAllowedError: "The browser blocks the camera: allow it next to the address, then start again.",
  NotFoundError: "No camera was found: connect one, then start again.",
  NotReadableError: "Another program is using the camera: close it, then start again.",
};
const find = (id) => document.getElementById(id);

const table = new FaceTable("Faces in view");
let stream = null;
let turn = 0; // counts starts and stops
let live = null;
let still = null; // the last frame of a camera that was stopped
let tracks = new Tracks();
let begin_ms = 0;
let answer = null; // the newest
let listed = null; // the newest with crops and maps
let due_ms = 0;
let list_ms = 0;
let [answered_ms, interval_ms] = [0, FRAME_MS];
let changed = () => {};

/** Set up the panel; ``onChange`` is called when the visible faces change. */
export function start(onChange) {
  changed = onChange;
  find("camera-faces").append(table.element);
  linked(find("camera-canvas"), table, () => listed, paint);
  find("camera-start").addEventListener("click", () => (stream ? stop() : run(find("cameras").value)));
  find("cameras").addEventListener("change", () => {
    stop();
    run(find("cameras").value);
  });
  find("camera-png").addEventListener("click", savePicture);
  find("camera-csv").addEventListener("click", saveCounts);
  find("camera-reset").addEventListener("click", reset);
  settings.addEventListener("threshold", show);
  settings.addEventListener("network", () => {
    reset(); // counts of another model do not apply
    list_ms = 0;
  });
}

/** The visible faces. */
export const faces = () => listed?.faces ?? [];

/** Stop the camera. */
export function stop() {
  turn += 1;
  const video = find("camera-video");
  if (stream && answer) {
    still = element("canvas", { width: video.videoWidth, height: video.videoHeight });
    still.getContext("2d").drawImage(video, 0, 0);
    paint();
  }
  stream?.getTracks().forEach((track) => track.stop());
  live?.close();
  stream = live = null;
  video.srcObject = null;
  find("camera-start").textContent = "Start the camera";
}

async function run(device) {
  tell("");
  find("camera-start").disabled = true;
  const mine = (turn += 1);
  let [opened, socket] = [null, null];
  const leave = () => {
    opened?.getTracks().forEach((track) => track.stop());
    socket?.close();
  };
  try {
    opened = await open(device);
    if (mine === turn) await play(opened);
    if (mine === turn) await list((stream = opened));
    if (mine === turn) socket = await Live.open();
    if (mine !== turn) return leave();
    live = socket;
    opened.getVideoTracks()[0].addEventListener("ended", () => lose(mine));
  } catch (error) {
    if (mine !== turn) return leave();
    stop();
    tell(REASONS[error.name] ?? error.message);
    return;
  } finally {
    find("camera-start").disabled = false;
  }
  find("camera-start").textContent = "Stop the camera";
  still = null;
  reset();
  const frames = new Frames(find("camera-video"));
  await Promise.all(Array.from({ length: IN_FLIGHT }, () => follow(stream, live, frames)));
}

/** A lost camera would show its last frame for ever. */
function lose(mine) {
  if (mine !== turn) return;
  stop();
  tell("The camera is gone: connect it, then start again.");
}

async function open(device) {
  if (!navigator.mediaDevices) {
    throw new Refusal("Browsers allow the camera only on https pages and on 127.0.0.1.");
  }
  const get = (which) => navigator.mediaDevices.getUserMedia({ video: { ...CAMERA_PX, ...which } });
  const any = { facingMode: "user" };
  try {
    return await get(device ? { deviceId: { exact: device } } : any);
  } catch (error) {
    if (error.name !== "OverconstrainedError") throw error;
    return get(any); // the chosen camera is gone
  }
}

async function play(opened) {
  const video = find("camera-video");
  video.srcObject = opened;
  await video.play();
}

async function list(opened) {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  const used = opened.getVideoTracks()[0].getSettings().deviceId;
  const options = cameras.map(({ deviceId, label }) => new Option(label, deviceId));
  find("cameras").replaceChildren(...options);
  find("cameras").value = used;
  find("camera-choice").hidden = cameras.length < 2;
}

/** Process frames, one after the other, until the camera or the service stops. */
async function follow(mine, socket, frames) {
  while (stream === mine) {
    const now_ms = performance.now();
    due_ms = Math.max(due_ms + FRAME_MS, now_ms);
    await new Promise((resolve) => setTimeout(resolve, due_ms - now_ms));
    if (stream !== mine) return;
    try {
      await look(mine, socket, frames);
    } catch (refusal) {
      if (stream !== mine) return;
      tell(refusal.message);
      if (!socket.isOpen) stop();
    }
  }
}

async function look(mine, socket, frames) {
  const begin = performance.now();
  const list = begin - list_ms >= LIST_MS;
  if (list) list_ms = begin;
  const { model, explains, inTab } = settings;
  const here = inTab && canCut(model.spec);
  const stale = () => stream !== mine || settings.model !== model || settings.inTab !== inTab;
  const { jpeg, picture, width } = await frames.next(here);
  try {
    const options = { model: model.name, explain: explains && list, crops: inTab ? !here : list };
    const found = await socket.look(jpeg, options);
    if (!found || stale() || found.model !== model.name) return;
    const latest = await scored(enlarged(found, width), picture);
    if (stale()) return;
    take(latest, list, model.spec.size);
    tell("");
    report(performance.now() - begin);
  } finally {
    picture.close();
  }
}

/** An answer in the pixel coordinates of a video of another width. */
function enlarged(found, width) {
  const zoom = width / found.width;
  const faces = found.faces.map(({ box, landmarks, ...face }) => ({
    ...face,
    box: Object.fromEntries(Object.entries(box).map(([name, length]) => [name, zoom * length])),
    landmarks: landmarks?.map((point) => point.map((value) => zoom * value)),
  }));
  return { ...found, width, height: Math.round(zoom * found.height), faces };
}

function take(latest, list, size) {
  const followed = tracks.update(latest.faces, performance.now() - begin_ms);
  answer = { ...latest, faces: followed.sort((one, other) => one.track - other.track) };
  if (!list) {
    paint();
    return;
  }
  for (const face of answer.faces) face.crop_png ??= png(face.crop, size);
  listed = answer;
  show();
}

function report(latency_ms) {
  const now_ms = performance.now();
  interval_ms += (now_ms - answered_ms - interval_ms) / 10;
  answered_ms = now_ms;
  find("camera-speed").textContent =
    `${number(Math.round(1000 / interval_ms), "frame")} per second, ${latency_ms.toFixed(0)} ms latency`;
}

function show() {
  if (!listed) return;
  find("camera-view").hidden = false;
  paint();
  table.update(listed.faces, settings.threshold);
  find("camera-left-out").textContent = leftOutInWords(listed);
  tally();
  changed();
}

function paint() {
  const track = listed?.faces[table.marked]?.track;
  const marked = answer.faces.findIndex((face) => face.track === track);
  const options = { longest: LONGEST_PX, marked };
  draw(find("camera-canvas"), still ?? undefined, answer, settings.threshold, options);
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

/** Save the current frame at full size, with boxes and labels. */
function savePicture() {
  const canvas = document.createElement("canvas");
  draw(canvas, still ?? find("camera-video"), answer, settings.threshold);
  canvas.toBlob((blob) => save(blob, "genderscope-camera.png", "image/png"));
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

/** Runs a model in this tab with ONNX Runtime's WebAssembly. */

import { cut } from "./crops.js";
import * as service from "./service.js";

const RUNTIME = new URL("./onnxruntime/", import.meta.url);
const FILE = new URL("ort.wasm.bundle.min.mjs", RUNTIME);
const KINDS = { float32: Float32Array, float16: globalThis.Float16Array };
const sessions = new Map();
let runtime = null;

/**
 * Replace the scores of faces by this tab's, on the service's crops or, if it sent none, on crops of
 * ``picture``, which become the faces' ``crop``.
 *
 * Returns the largest difference from the service's scores, 0-1.
 */
export async function score(faces, model, picture) {
  if (!faces.length) return 0;
  const session = await open(model);
  const { size, colour, dtype } = model.spec;
  if (!KINDS[dtype]) throw new service.Refusal(`This browser does not support ${dtype}: run the network in the service.`);
  const channels = colour === "grey" ? 1 : 3;
  const crops = [];
  for (const face of faces) {
    if (!face.crop_png) face.crop = cut(picture, face, model.spec);
    crops.push(face.crop ?? (await decode(face.crop_png, size, channels)));
  }
  const logits = await logitsOf(session, crops, model.spec);
  // A second look, as ``Classifier.logits`` in inference/classifier.py.
  const least = { none: 0, uncertain: model.min_confidence, all: Infinity }[model.second_look];
  const confidence = ({ woman, man }) => Math.max(woman, man);
  const again = [...faces.keys()].filter((index) => confidence(calibrated(logits[index], model)) < least);
  const looks = [again.map((index) => logits[index])];
  for (const look of furtherLooks(model.second_look_deg, size)) {
    looks.push(await logitsOf(session, again.map((index) => look(crops[index])), model.spec));
  }
  for (const [place, index] of again.entries()) {
    logits[index] = [0, 1].map((label) => looks.reduce((sum, look) => sum + look[place][label], 0) / looks.length);
  }
  let largest = 0;
  for (const [index, face] of faces.entries()) {
    const scores = calibrated(logits[index], model);
    largest = Math.max(largest, Math.abs(scores.man - face.scores.man));
    face.scores = scores;
  }
  return largest;
}

/** The network's logits of some crops, [woman, man] for each. */
async function logitsOf(session, crops, { size, dtype, scaling }) {
  if (!crops.length) return [];
  const values = new KINDS[dtype](crops.length * crops[0].length);
  for (const [index, crop] of crops.entries()) values.set(scale(crop, scaling), index * crop.length);
  const tensor = new runtime.Tensor(dtype, values, [crops.length, crops[0].length / size ** 2, size, size]);
  const { logits } = await session.run({ [session.inputNames[0]]: tensor });
  return crops.map((_, index) => Array.from(logits.data.slice(2 * index, 2 * index + 2), Number));
}

/** Like ``looks`` in inference/looks.py, without the first: functions of a crop. */
function furtherLooks(degrees, size) {
  const turns = degrees ? [degrees, -degrees] : [];
  return [(crop) => mirror(crop, size)].concat(
    turns.map((turn) => (crop) => turned(crop, size, turn)),
    turns.map((turn) => (crop) => mirror(turned(crop, size, turn), size)),
  );
}

/** The mirror image of a crop, channel after channel. */
function mirror(crop, size) {
  return crop.map((_, place) => crop[place - (place % size) + (size - 1 - (place % size))]);
}

/** Like ``_turned`` in inference/looks.py, to whole numbers, channel after channel. */
function turned(crop, size, degrees) {
  const middle = (size - 1) / 2;
  const [cosine, sine] = [Math.cos, Math.sin].map((part) => part((degrees * Math.PI) / 180));
  const within = (value) => Math.min(Math.max(value + middle, 0), size - 1);
  return crop.map((_, place) => {
    const column = (place % size) - middle;
    const row = (Math.floor(place / size) % size) - middle;
    const [x, y] = [within(column * cosine + row * sine), within(row * cosine - column * sine)];
    const [left, top] = [x, y].map((value) => Math.min(Math.floor(value), size - 2));
    const corner = place - (place % size ** 2) + top * size + left;
    const line = (start) => crop[start] * (1 - (x - left)) + crop[start + 1] * (x - left);
    return Math.round(line(corner) * (1 - (y - top)) + line(corner + size) * (y - top));
  });
}

async function open(model) {
  if (!runtime) {
    runtime = await import(FILE);
    runtime.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", RUNTIME).href };
    runtime.env.wasm.numThreads = 1;
  }
  if (!sessions.has(model.name)) {
    const file = await service.network(model.name);
    sessions.set(model.name, await runtime.InferenceSession.create(new Uint8Array(file)));
  }
  return sessions.get(model.name);
}

/** A PNG's pixels, one channel after the other, in the order blue, green, red. */
async function decode(png, size, channels) {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(size, size).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, size, size);
  return Float64Array.from({ length: channels * size * size }, (_, place) => {
    const channel = 2 - Math.floor(place / size ** 2);
    return data[4 * (place % size ** 2) + channel];
  });
}

/** Like ``scale`` in imaging/preprocess.py. */
function scale(pixels, scaling) {
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
  const deviation = Math.max(Math.sqrt(variance), 1);
  const shift = scaling === "mean_std" ? mean : 0;
  return pixels.map((value) => (value - shift) / deviation);
}

/** Like ``calibrated`` in inference/classifier.py. */
function calibrated([woman, man], { temperature, bias }) {
  const odds = (woman - man) / temperature - bias;
  return { woman: 1 / (1 + Math.exp(-odds)), man: 1 / (1 + Math.exp(odds)) };
}

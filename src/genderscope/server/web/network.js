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
  const { size, colour, scaling, dtype } = model.spec;
  if (!KINDS[dtype]) throw new service.Refusal(`This browser does not support ${dtype}: run the network in the service.`);
  const channels = colour === "grey" ? 1 : 3;
  const inputs = [];
  for (const face of faces) {
    if (!face.crop_png) face.crop = cut(picture, face, model.spec);
    const pixels = face.crop ?? (await decode(face.crop_png, size, channels));
    inputs.push(scale(pixels, scaling));
  }
  const logits = await logitsOf(session, inputs, model.spec);
  // A second look, as ``Classifier.logits`` in inference/classifier.py.
  const least = { none: 0, uncertain: model.min_confidence, all: Infinity }[model.second_look];
  const confidence = ({ woman, man }) => Math.max(woman, man);
  const again = [...faces.keys()].filter((index) => confidence(calibrated(logits[index], model)) < least);
  const mirrored = await logitsOf(session, again.map((index) => mirror(inputs[index], size)), model.spec);
  for (const [place, index] of again.entries()) {
    logits[index] = logits[index].map((value, label) => (value + mirrored[place][label]) / 2);
  }
  let largest = 0;
  for (const [index, face] of faces.entries()) {
    const scores = calibrated(logits[index], model);
    largest = Math.max(largest, Math.abs(scores.man - face.scores.man));
    face.scores = scores;
  }
  return largest;
}

/** The network's logits of some inputs, [woman, man] for each. */
async function logitsOf(session, inputs, { size, dtype }) {
  if (!inputs.length) return [];
  const values = new KINDS[dtype](inputs.length * inputs[0].length);
  for (const [index, input] of inputs.entries()) values.set(input, index * input.length);
  const tensor = new runtime.Tensor(dtype, values, [inputs.length, inputs[0].length / size ** 2, size, size]);
  const { logits } = await session.run({ [session.inputNames[0]]: tensor });
  return inputs.map((_, index) => Array.from(logits.data.slice(2 * index, 2 * index + 2), Number));
}

/** The mirror image of an input, channel after channel. */
function mirror(input, size) {
  return input.map((_, place) => input[place - (place % size) + (size - 1 - (place % size))]);
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

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
  const Kind = KINDS[dtype];
  if (!Kind) throw new service.Refusal(`This browser does not support ${dtype}: run the network in the service.`);
  const channels = colour === "grey" ? 1 : 3;
  const input = new Kind(faces.length * channels * size * size);
  for (const [index, face] of faces.entries()) {
    if (!face.crop_png) face.crop = cut(picture, face, model.spec);
    const pixels = face.crop ?? (await decode(face.crop_png, size, channels));
    input.set(scale(pixels, scaling), index * pixels.length);
  }
  const tensor = new runtime.Tensor(dtype, input, [faces.length, channels, size, size]);
  const { logits } = await session.run({ [session.inputNames[0]]: tensor });
  const values = Array.from(logits.data, Number);
  let largest = 0;
  for (const [index, face] of faces.entries()) {
    const scores = calibrated(values.slice(2 * index, 2 * index + 2), model);
    largest = Math.max(largest, Math.abs(scores.man - face.scores.man));
    face.scores = scores;
  }
  return largest;
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

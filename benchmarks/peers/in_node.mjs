// The scores of a face classifier for the browser, run in Node: see README.md.
//
//   node benchmarks/peers/in_node.mjs face-api|human FOLDER [NUMBER] > predictions.csv
//
// Each picture's face is the one that the package's own detector finds, else the whole picture.

import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
const jpeg = require("jpeg-js");

const place = (name) => join(process.cwd(), "node_modules", name);
const chance = (label, confidence) => (label === "male" ? confidence : 1 - confidence);

async function faceApi() {
  const faceapi = require(join(place("@vladmandic/face-api"), "dist/face-api.node-wasm.js"));
  const weights = join(place("@vladmandic/face-api"), "model");
  for (const name of ["tinyFaceDetector", "faceLandmark68TinyNet", "ageGenderNet"]) {
    await faceapi.nets[name].loadFromDisk(weights);
  }
  const detector = new faceapi.TinyFaceDetectorOptions({ inputSize: 224, scoreThreshold: 0.3 });
  return async (image) => {
    const face = await faceapi.detectSingleFace(image, detector).withFaceLandmarks(true).withAgeAndGender();
    const answer = face ?? (await faceapi.nets.ageGenderNet.predictAgeAndGender(image));
    return { found: face !== undefined, man: chance(answer.gender, answer.genderProbability) };
  };
}

// It fetches its networks, so this serves them on this machine alone.
async function human() {
  const models = join(place("@vladmandic/human"), "models");
  const server = createServer((request, response) => response.end(readFileSync(join(models, request.url))));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { Human } = require(join(place("@vladmandic/human"), "dist/human.node-wasm.js"));
  const off = { enabled: false };
  const network = new Human({
    backend: "wasm",
    wasmPath: join(place("@tensorflow/tfjs-backend-wasm"), "wasm-out/"),
    modelBasePath: `http://127.0.0.1:${server.address().port}/`,
    cacheSensitivity: 0,
    face: {
      detector: { maxDetected: 1, minConfidence: 0.2, rotation: true, return: true },
      description: { minConfidence: 0, skipFrames: 0, skipTime: 0 },
      iris: off, emotion: off, antispoof: off, liveness: off,
    },
    body: off, hand: off, object: off, gesture: off, segmentation: off, filter: off,
  });
  await network.load();
  server.close();
  return async (image) => {
    let [face] = (await network.detect(image)).face;
    const found = face !== undefined;
    if (!found) {
      // Its detector misses a face that fills the picture, and it has no way to take the whole picture.
      const [height, width] = image.shape.map((side) => Math.round(side / 2));
      const wider = tf.pad(image, [[height, height], [width, width], [0, 0]], 128);
      [face] = (await network.detect(wider)).face;
      wider.dispose();
    }
    return { found, man: face ? chance(face.gender, 0.5 + face.genderScore / 2) : "" };
  };
}

const [which, folder, number] = process.argv.slice(2);
wasm.setWasmPaths(join(place("@tensorflow/tfjs-backend-wasm"), "wasm-out/"));
wasm.setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();
const score = await { "face-api": faceApi, human }[which]();
const names = readdirSync(folder).filter((name) => name.endsWith(".jpg"));
names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
console.log("file,score,found");
for (const name of names.slice(0, Number(number ?? names.length))) {
  const { width, height, data } = jpeg.decode(readFileSync(join(folder, name)), { useTArray: true, formatAsRGBA: false });
  const image = tf.tensor3d(data, [height, width, 3], "int32");
  const { found, man } = await score(image);
  image.dispose();
  console.log(`${join(folder, name)},${man},${Number(found)}`);
}

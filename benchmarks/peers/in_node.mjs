// The scores of a package for the browser, run in Node by in_node.py: see README.md.
//
//     node in_node.mjs face-api|human < PATHS
//
// For each JPEG a line with P(man), empty without an answer, and whether the package's own detector
// found a face. Otherwise face-api takes the whole picture, and human looks again with a margin around
// it. Runs in the folder that has node_modules.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

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
    const detected = faceapi.detectSingleFace(image, detector);
    const face = await detected.withFaceLandmarks(true).withAgeAndGender();
    const answer = face ?? (await faceapi.nets.ageGenderNet.predictAgeAndGender(image));
    return { found: Boolean(face), man: chance(answer.gender, answer.genderProbability) };
  };
}

// It fetches its networks, so this serves them on this machine alone.
async function human() {
  const models = join(place("@vladmandic/human"), "models");
  const server = createServer((request, response) => {
    response.end(readFileSync(join(models, request.url)));
  });
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
      iris: off,
      emotion: off,
      antispoof: off,
      liveness: off,
    },
    body: off,
    hand: off,
    object: off,
    gesture: off,
    segmentation: off,
    filter: off,
  });
  await network.load();
  server.close();
  return async (image) => {
    let [face] = (await network.detect(image)).face;
    const found = face !== undefined;
    if (!found) {
      // It cannot take the whole picture as a face, and misses one that fills it: with a margin.
      const [height, width] = image.shape.map((side) => Math.round(side / 2));
      const wider = tf.pad(image, [[height, height], [width, width], [0, 0]], 128);
      [face] = (await network.detect(wider)).face;
      wider.dispose();
    }
    const man = face?.genderScore ? chance(face.gender, 0.5 + face.genderScore / 2) : "";
    return { found, man };
  };
}

wasm.setWasmPaths(join(place("@tensorflow/tfjs-backend-wasm"), "wasm-out/"));
wasm.setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();
const score = await { "face-api": faceApi, human }[process.argv[2]]();
for await (const file of createInterface({ input: process.stdin })) {
  const { width, height, data } = jpeg.decode(readFileSync(file), {
    useTArray: true,
    formatAsRGBA: false,
  });
  const image = tf.tensor3d(data, [height, width, 3], "int32");
  const { found, man } = await score(image);
  image.dispose();
  console.log(`${man},${Number(found)}`);
}

/** Scores from this tab instead of the service, where the settings choose that. */

import { number } from "./labels.js";
import * as network from "./network.js";
import { settings } from "./settings.js";

let faces = 0;
let largest = 0;

/**
 * An answer, rescored in this tab if that is chosen: on the service's crops, which ``agreement``
 * compares, or else on crops of ``picture``.
 */
export async function scored(answer, picture) {
  const { model, inTab } = settings;
  if (!inTab || answer.model !== model.name) return answer;
  const same = answer.faces.every((face) => face.crop_png);
  const difference = await network.score(answer.faces, model, picture);
  if (same && model === settings.model) {
    [largest, faces] = [Math.max(largest, difference), faces + answer.faces.length];
  }
  return answer;
}

/** A sentence on how much this tab's scores differ from the service's. */
export function agreement() {
  if (!settings.inTab) return "In either case the service detects and crops the faces.";
  if (!faces) return "The service detects the faces; this tab scores them and, for the camera, crops them.";
  return (
    `${number(faces, "face")} scored in this tab; the scores differ from the service’s by ` +
    `at most ${largest.toExponential(1)}.`
  );
}

settings.addEventListener("network", () => {
  faces = 0;
  largest = 0;
});

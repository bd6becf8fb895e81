/** An answer's faces as the settings want them: with this tab's scores where it runs the network. */

import { number } from "./labels.js";
import * as network from "./network.js";
import { settings } from "./settings.js";

let faces = 0;
let largest = 0;

/** Score in the tab where that is chosen; ``agreement`` says how near the service's scores are. */
export async function scored(answer) {
  if (settings.inTab) {
    largest = Math.max(largest, await network.score(answer.faces, settings.model));
    faces += answer.faces.length;
  }
  return answer;
}

/** How far this tab's scores lie from the service's, as a sentence. */
export function agreement() {
  if (!settings.inTab) return "In either case the service finds the faces and cuts them out.";
  if (!faces) return "The service finds the faces and cuts them out; this tab scores them.";
  return (
    `${number(faces, "face")} scored in this tab; the scores differ from the service’s own by ` +
    `${largest.toExponential(1)} at most.`
  );
}

settings.addEventListener("network", () => {
  faces = 0;
  largest = 0;
});

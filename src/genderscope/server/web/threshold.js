/** The threshold's slider, which relabels the visible faces at once. */

import { confidence, countsInWords, labelOf, number, percent } from "./labels.js";
import { element } from "./results.js";
import { settings } from "./settings.js";

const find = (id) => document.getElementById(id);

/** Set up the slider; ``faces`` returns the visible faces. Call the result when they change. */
export function threshold(faces) {
  const slider = find("threshold");
  slider.addEventListener("input", () => settings.setThreshold(slider.valueAsNumber));
  find("threshold-own").addEventListener("click", () =>
    settings.setThreshold(settings.model.min_confidence),
  );
  settings.addEventListener("threshold", update);

  function update() {
    const { threshold: value, model } = settings;
    const visible = faces();
    slider.value = value;
    slider.setAttribute("aria-valuetext", percent(value));
    write(find("threshold-value"), percent(value));
    find("threshold-own").disabled = value === model.min_confidence;
    const totals = `${number(visible.length, "face")} shown: ${countsInWords(visible, value)}`;
    write(find("counts"), visible.length ? totals : "No faces yet.");
    find("strip").replaceChildren(...visible.map((face) => dot(face, value)));
  }
  return update;
}

function dot(face, value) {
  const made = element("span");
  made.dataset.label = labelOf(face, value);
  made.style.left = percent(2 * confidence(face) - 1);
  return made;
}

/** Set text only if it changes, so that a screen reader reads it once. */
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

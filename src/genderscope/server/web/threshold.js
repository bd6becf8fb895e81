/** The slider, and what it does at once to the faces that are shown. */

import { confidence, countsInWords, labelOf, number, percent } from "./labels.js";
import { element } from "./results.js";
import { settings } from "./settings.js";

const find = (id) => document.getElementById(id);

/** Wire it up; ``faces`` gives those that are shown. Returns a function for when they change. */
export function threshold(faces) {
  const slider = find("threshold");
  slider.addEventListener("input", () => settings.setThreshold(slider.valueAsNumber));
  find("threshold-own").addEventListener("click", () =>
    settings.setThreshold(settings.model.min_confidence),
  );
  settings.addEventListener("threshold", update);

  function update() {
    const { threshold: value, model } = settings;
    const shown = faces();
    slider.value = value;
    slider.setAttribute("aria-valuetext", percent(value));
    write(find("threshold-value"), percent(value));
    find("threshold-own").disabled = value === model.min_confidence;
    const told = `${number(shown.length, "face")} shown: ${countsInWords(shown, value)}`;
    write(find("counts"), shown.length ? told : "No face is shown yet.");
    find("strip").replaceChildren(...shown.map((face) => dot(face, value)));
  }
  return update;
}

function dot(face, value) {
  const made = element("span");
  made.dataset.label = labelOf(face, value);
  made.style.left = percent(2 * confidence(face) - 1);
  return made;
}

/** Set text only where it changes, so that a screen reader says it once. */
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

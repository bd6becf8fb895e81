/** From scores to labels. */

import { LABELS, UNCERTAIN } from "./constants.js";

export const WORDS = [...LABELS, UNCERTAIN];

/** The higher of a face's scores. */
export const confidence = ({ scores }) => Math.max(scores.woman, scores.man);

/** What a face is called where it is uncertain below a threshold. */
export function labelOf(face, threshold) {
  if (confidence(face) < threshold) return UNCERTAIN;
  return face.scores.man > face.scores.woman ? "man" : "woman";
}

/** How many faces have each label. */
export function counts(faces, threshold) {
  const found = Object.fromEntries(WORDS.map((word) => [word, 0]));
  for (const face of faces) found[labelOf(face, threshold)] += 1;
  return found;
}

/** The counts as a phrase. */
export function countsInWords(faces, threshold) {
  const found = counts(faces, threshold);
  return WORDS.map((word) => `${found[word]} ${word}`).join(", ");
}

export const number = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

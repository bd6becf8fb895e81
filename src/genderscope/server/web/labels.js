/** From scores to labels. */

import { LABELS, UNCERTAIN } from "./constants.js";

export const WORDS = [...LABELS, UNCERTAIN];

/** The higher of a face's scores. */
export const confidence = ({ scores }) => Math.max(scores.woman, scores.man);

/** A face's label at a threshold. */
export function labelOf(face, threshold) {
  if (confidence(face) < threshold) return UNCERTAIN;
  return face.scores.man > face.scores.woman ? "man" : "woman";
}

/** Number of faces per label. */
export function counts(faces, threshold) {
  const totals = Object.fromEntries(WORDS.map((word) => [word, 0]));
  for (const face of faces) totals[labelOf(face, threshold)] += 1;
  return totals;
}

/** Those numbers as a phrase. */
export function countsInWords(faces, threshold) {
  const totals = counts(faces, threshold);
  return WORDS.map((word) => `${totals[word]} ${word}`).join(", ");
}

export const number = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

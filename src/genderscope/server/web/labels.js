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

/** The number of faces per label as a phrase. */
export function countsInWords(faces, threshold) {
  const totals = counts(faces, threshold);
  return WORDS.map((word) => number(totals[word], word)).join(", ");
}

const PLURALS = { woman: "women", man: "men", uncertain: "uncertain" };
export const number = (n, noun) => `${n} ${n === 1 ? noun : (PLURALS[noun] ?? `${noun}s`)}`;

/** The number of faces left out as too small, with a leading space, or an empty text. */
export const leftOutInWords = ({ left_out: { small } }) =>
  small ? ` ${number(small, "smaller face")} left out.` : "";

/** A share in percent; only a share of 1 is 100%. */
export function percent(share, digits = 1) {
  const text = (100 * share).toFixed(digits);
  return `${share < 1 && Number(text) === 100 ? (100 - 10 ** -digits).toFixed(digits) : text}%`;
}

/** Downloads: results as CSV and JSON, and pictures. */

import { confidence, labelOf } from "./labels.js";
import { settings } from "./settings.js";

/** Download bytes or text as a file. */
export function save(content, name, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Rows, objects with the same keys, as CSV (RFC 4180). */
export function csv(rows, columns) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
  return lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

function cell(value) {
  // Spreadsheets evaluate text that starts like a formula, and file names are untrusted.
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const COLUMNS = [
  ...["file", "face", "label", "confidence", "woman", "man", "x", "y", "width", "height"],
  ...["detector_score", "roll_deg", "yaw_deg", "error", "model", "min_confidence", "network"],
];

/** One row per face, and one for each picture without faces. */
export function picturesAsCsv(pictures) {
  const rows = pictures.flatMap(({ file, error, faces }) => {
    const head = { file, error, ...chosen() };
    if (!faces?.length) return [head];
    return faces.map((face, index) => {
      const { confidence: score, scores, box, ...rest } = face;
      return { ...head, ...rest, face: index + 1, confidence: score, ...scores, ...box };
    });
  });
  return csv(rows, COLUMNS);
}

export const picturesAsJson = (pictures) => `${JSON.stringify({ ...chosen(), pictures }, null, 2)}\n`;

/** A picture's results as plain values, labelled at the current threshold. */
export function record(file, answer, error) {
  if (!answer) return { file, error };
  const faces = answer.faces.map((face) => ({
    box: face.box,
    label: labelOf(face, settings.threshold),
    scores: face.scores,
    confidence: confidence(face),
    detector_score: face.detector_score,
    landmarks: face.landmarks,
    roll_deg: face.roll_deg,
    yaw_deg: face.yaw_deg,
  }));
  const { width, height, left_out } = answer;
  return { file, width, height, faces, left_out };
}

const chosen = () => ({
  model: settings.model.name,
  min_confidence: settings.threshold,
  network: settings.inTab ? "tab" : "service",
});

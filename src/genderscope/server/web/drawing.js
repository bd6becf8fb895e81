/** Draws a picture and its faces on a canvas. */

import { COLOURS } from "./constants.js";
import { confidence, labelOf, percent } from "./labels.js";

// In pixels of the screen.
const SMALLEST_TEXT_PX = 11;

/**
 * Draw a picture with its faces: their numbers, labels and confidences, or only the numbers where the
 * labels would overlap.
 *
 * @param {HTMLCanvasElement} canvas is resized to the picture, or smaller.
 * @param {CanvasImageSource | null} picture null where the browser cannot show it; undefined draws
 *   the faces alone.
 * @param {{width: number, height: number, faces: object[]}} answer boxes are in its pixels.
 * @param {number} options.longest maximum length of the canvas's longer side, in pixels.
 * @param {number} options.marked the index of a face that stands out.
 */
export function draw(canvas, picture, answer, threshold, { longest = Infinity, marked = -1 } = {}) {
  const zoom = Math.min(longest / Math.max(answer.width, answer.height), 1);
  const width = Math.max(Math.round(answer.width * zoom), 1);
  const height = Math.max(Math.round(answer.height * zoom), 1);
  // Setting a canvas's size clears it, which flickers.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (picture) context.drawImage(picture, 0, 0, width, height);
  else if (picture === undefined) context.clearRect(0, 0, width, height);
  else {
    context.fillStyle = "#5c6670";
    context.fillRect(0, 0, width, height);
  }
  const faces = answer.faces.map((face, index) => ({
    index,
    label: labelOf(face, threshold),
    number: `${face.track ?? index + 1}`,
    percent: percent(confidence(face), 0),
    x: face.box.x * zoom,
    y: face.box.y * zoom,
    width: face.box.width * zoom,
    height: face.box.height * zoom,
  }));
  const whole = faces.map((face) => plate(context, face, `${face.number}  ${face.label} ${face.percent}`));
  const numbers = faces.map((face) => plate(context, face, face.number));
  const crowded = whole.some((one, index) => whole.slice(0, index).some((other) => overlap(one, other)));
  for (const face of faces) box(context, face, face.index === marked);
  // After all boxes: no line crosses a label.
  for (const face of faces) if (face.index !== marked) label(context, (crowded ? numbers : whole)[face.index]);
  if (marked in faces) label(context, whole[marked]);
}

function box(context, { label, x, y, width, height }, marked) {
  const { canvas } = context;
  const line = Math.max(Math.min(Math.max(canvas.width, canvas.height) / 350, width / 20), 1.5);
  const wide = marked ? 3 * line : line;
  // Bright on dark, to be visible on any background.
  for (const [colour, thickness] of [["#000", wide + 2], [COLOURS[label], wide]]) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.strokeRect(x, y, width, height);
  }
}

/** Where a face's words go, above its box and inside the canvas. */
function plate(context, { label, x, y, width }, words) {
  const { canvas } = context;
  const longest = Math.max(canvas.width, canvas.height);
  const smallest = SMALLEST_TEXT_PX * (canvas.clientWidth ? canvas.width / canvas.clientWidth : 1);
  const size = Math.max(Math.min(Math.max(width / 6, longest / 52), longest / 22), smallest);
  context.font = `600 ${size}px ${getComputedStyle(document.body).fontFamily}`;
  const [across, down] = [context.measureText(words).width + size * 0.7, size * 1.5];
  const left = Math.max(Math.min(x, canvas.width - across), 0);
  const top = Math.max(Math.min(y, canvas.height) - down, 0);
  return { label, words, font: context.font, size, left, top, across, down };
}

const overlap = (one, other) =>
  one.left < other.left + other.across &&
  other.left < one.left + one.across &&
  one.top < other.top + other.down &&
  other.top < one.top + one.down;

function label(context, { label: colour, words, font, size, left, top, across, down }) {
  context.font = font;
  context.textBaseline = "middle";
  context.fillStyle = COLOURS[colour];
  context.fillRect(left, top, across, down);
  context.fillStyle = "#000";
  context.fillText(words, left + size * 0.35, top + down / 2);
}

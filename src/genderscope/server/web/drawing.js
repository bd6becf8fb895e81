/** Draws a picture and its faces on a canvas. */

import { COLOURS } from "./constants.js";
import { confidence, labelOf, percent } from "./labels.js";

/**
 * Draw a picture with its faces.
 *
 * @param {HTMLCanvasElement} canvas is resized to the picture, or smaller.
 * @param {CanvasImageSource | null} picture null where the browser cannot show it.
 * @param {{width: number, height: number, faces: object[]}} answer boxes are in its pixels.
 * @param {number} longest maximum length of the canvas's longer side, in pixels.
 */
export function draw(canvas, picture, answer, threshold, longest = Infinity) {
  const zoom = Math.min(longest / Math.max(answer.width, answer.height), 1);
  const width = Math.max(Math.round(answer.width * zoom), 1);
  const height = Math.max(Math.round(answer.height * zoom), 1);
  // Setting a canvas's size clears it, which flickers.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (picture) context.drawImage(picture, 0, 0, width, height);
  else {
    context.fillStyle = "#5c6670";
    context.fillRect(0, 0, width, height);
  }
  const boxes = answer.faces.map((face, index) => ({
    face,
    text: `${face.track ?? index + 1}`,
    label: labelOf(face, threshold),
    x: face.box.x * zoom,
    y: face.box.y * zoom,
    width: face.box.width * zoom,
    height: face.box.height * zoom,
  }));
  for (const face of boxes) box(context, face);
  for (const face of boxes) label(context, face); // after all boxes: no line crosses a label
}

function box(context, { label, x, y, width, height }) {
  const { canvas } = context;
  const line = Math.max(Math.min(Math.max(canvas.width, canvas.height) / 350, width / 20), 1.5);
  // Bright on dark, to be visible on any background.
  for (const [colour, thickness] of [["#000", line + 2], [COLOURS[label], line]]) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.strokeRect(x, y, width, height);
  }
}

function label(context, { face, text, label, x, y, width }) {
  const { canvas } = context;
  const longest = Math.max(canvas.width, canvas.height);
  const size = Math.max(Math.min(Math.max(width / 6, longest / 52), longest / 22), 11);
  const words = `${text}  ${label} ${percent(confidence(face), 0)}`;
  context.font = `600 ${size}px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  const [across, down] = [context.measureText(words).width + size * 0.7, size * 1.5];
  const left = Math.max(Math.min(x, canvas.width - across), 0);
  const top = Math.max(Math.min(y, canvas.height) - down, 0);
  context.fillStyle = COLOURS[label];
  context.fillRect(left, top, across, down);
  context.fillStyle = "#000";
  context.fillText(words, left + size * 0.35, top + down / 2);
}

/** Cuts faces out of a picture: ``cut`` in imaging/preprocess.py, in the browser. */

import { TEMPLATE } from "./constants.js";

const STEPS = 32; // per pixel: the sampling positions of OpenCV
const GREY = [[0.299, 0.587, 0.114]]; // shares of red, green and blue
const BLUE_GREEN_RED = [[0, 0, 1], [0, 1, 0], [1, 0, 0]];
const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true });

/** Whether a model's crops can be cut here: noise padding would need NumPy's generator. */
export const canCut = ({ padding, squaring }) => padding === "edge" && squaring === "expand";

/**
 * A face's crop, one channel after the other: blue, green, red, or grey.
 *
 * @param {ImageBitmap} picture the face's coordinates are in its pixels.
 */
export function cut(picture, face, { size, margin_ratio: margin, alignment, colour }) {
  const { a, b } = fit(face, alignment === "landmarks");
  const [across, down] = a.map((length) => length * (1 + 2 * margin));
  const block = Math.max(Math.floor(Math.hypot(across, down) / size), 1);
  const reach = (Math.abs(across) + Math.abs(down)) / 2 + 2 * block;
  const ends = [picture.width, picture.height];
  const begin = b.map((middle) => Math.max(Math.floor((middle - reach) / block) * block, 0));
  const [columns, rows] = [0, 1].map((axis) => {
    const end = Math.min(Math.floor(b[axis] + reach), ends[axis]);
    return Math.max(Math.floor((end - begin[axis]) / block), 1);
  });
  const channels = colour === "grey" ? GREY : BLUE_GREEN_RED;
  const part = means(picture, begin, columns, rows, block, channels);
  const planes = new Float64Array(channels.length * size * size);
  const place = (u, v, axis) => {
    const inPicture = (axis ? down * u + across * v : across * u - down * v) + b[axis];
    return Math.round(((inPicture - begin[axis]) / block - 0.5) * STEPS) / STEPS;
  };
  const inside = (value, count) => Math.min(Math.max(value, 0), count - 1);
  for (let index = 0; index < size * size; index += 1) {
    const u = ((index % size) + 0.5) / size - 0.5;
    const v = (Math.floor(index / size) + 0.5) / size - 0.5;
    const [x, y] = [place(u, v, 0), place(u, v, 1)];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [east, south] = [x - left, y - top];
    const [above, below] = [inside(top, rows) * columns, inside(top + 1, rows) * columns];
    const [near, far] = [inside(left, columns), inside(left + 1, columns)];
    for (let channel = 0; channel < channels.length; channel += 1) {
      const start = channel * columns * rows;
      const upper = part[start + above + near] * (1 - east) + part[start + above + far] * east;
      const lower = part[start + below + near] * (1 - east) + part[start + below + far] * east;
      planes[channel * size * size + index] = Math.round(upper * (1 - south) + lower * south);
    }
  }
  return planes;
}

/** A crop as a PNG in base64. */
export function png(planes, size) {
  const shown = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const image = new ImageData(size, size);
  const last = planes.length - size * size; // the red, or the only one
  for (let place = 0; place < size * size; place += 1) {
    const colours = [last, last / 2, 0].map((start) => planes[start + place]);
    image.data.set([...colours, 255], 4 * place);
  }
  shown.getContext("2d").putImageData(image, 0, 0);
  return shown.toDataURL("image/png").split(",")[1];
}

/** ``Face.fit`` in core/types.py: complex numbers as pairs. */
function fit({ box, landmarks, roll_deg: roll }, toLandmarks) {
  if (toLandmarks && landmarks) {
    const [spread, found] = [TEMPLATE, landmarks].map((points) => {
      const middle = [0, 1].map((axis) => points.reduce((sum, one) => sum + one[axis], 0) / 5);
      return { middle, points: points.map(([x, y]) => [x - middle[0], y - middle[1]]) };
    });
    let [real, imaginary, length] = [0, 0, 0];
    for (const [index, [x, y]] of spread.points.entries()) {
      const [p, q] = found.points[index];
      real += x * p + y * q;
      imaginary += x * q - y * p;
      length += x * x + y * y;
    }
    const a = [real / length, imaginary / length];
    const [x, y] = spread.middle;
    const b = [found.middle[0] - a[0] * x + a[1] * y, found.middle[1] - a[1] * x - a[0] * y];
    if (a[0] || a[1]) return { a, b };
  }
  const [side, turn] = [Math.max(box.width, box.height), (roll * Math.PI) / 180];
  const a = [side * Math.cos(turn), side * Math.sin(turn)];
  return { a, b: [box.x + box.width / 2, box.y + box.height / 2] };
}

/** Means of a picture's blocks, one channel after the other, each a sum of shares of red, green and blue. */
function means(picture, [left, top], columns, rows, block, channels) {
  const [width, height] = [columns * block, rows * block];
  Object.assign(canvas, { width, height });
  context.drawImage(picture, -left, -top);
  const { data } = context.getImageData(0, 0, width, height);
  const found = new Float32Array(channels.length * columns * rows);
  for (const [channel, [red, green, blue]] of channels.entries()) {
    for (let y = 0; y < height; y += 1) {
      const row = (channel * rows + Math.floor(y / block)) * columns;
      for (let x = 0, at = 4 * y * width; x < width; x += 1, at += 4) {
        const value = red * data[at] + green * data[at + 1] + blue * data[at + 2];
        found[row + Math.floor(x / block)] += value;
      }
    }
  }
  return found.map((sum) => Math.round(sum / block ** 2));
}

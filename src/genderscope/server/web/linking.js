/** Links the faces in a picture with their table rows: pointing at one marks the other. */

/**
 * Link a canvas that shows a picture with the table of its faces.
 *
 * @param {() => {width: number, height: number, faces: object[]} | null} answer the answer shown.
 * @param {() => void} paint draws the picture again, with the face ``table.marked``.
 */
export function linked(canvas, table, answer, paint) {
  const mark = (index) => {
    if (index !== table.marked) {
      table.mark(index);
      paint();
    }
  };
  const rest = () => mark(table.indexOf(document.activeElement));
  const under = ({ offsetX, offsetY }) => {
    const { width, height, faces } = answer();
    const [x, y] = [(offsetX / canvas.clientWidth) * width, (offsetY / canvas.clientHeight) * height];
    const within = ({ box }) =>
      x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    return smallest(faces, within);
  };
  canvas.addEventListener("pointermove", (event) => mark(under(event)));
  canvas.addEventListener("pointerleave", rest);
  canvas.addEventListener("click", (event) => table.focus(under(event)));
  for (const kind of ["pointerover", "focusin"]) {
    table.element.addEventListener(kind, ({ target }) => mark(table.indexOf(target)));
  }
  for (const kind of ["pointerleave", "focusout"]) {
    table.element.addEventListener(kind, rest);
  }
}

/** The index of the smallest face for which ``within`` is true, or -1. */
function smallest(faces, within) {
  const area = (index) => faces[index].box.width * faces[index].box.height;
  const found = [...faces.keys()].filter((index) => within(faces[index]));
  return found.sort((one, other) => area(one) - area(other))[0] ?? -1;
}

/** A table of faces, updated in place to avoid flicker. */

import { confidence, labelOf, percent } from "./labels.js";

const HEADS = ["Face", "Input", "Guided gradient", "Presents as", "Confidence"];

/** An element with properties and children; strings become text, never HTML. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** See ``update``; the row of the face ``marked`` stands out. */
export class FaceTable {
  marked = -1;
  #body = element("tbody");
  #rows = [];

  constructor(caption) {
    const heads = HEADS.map((text) => element("th", { scope: "col", textContent: text }));
    this.element = element(
      "table",
      { className: "faces" },
      element("caption", { className: "visually-hidden", textContent: caption }),
      element("thead", {}, element("tr", {}, ...heads)),
      this.#body,
    );
  }

  /** Show these faces. */
  update(faces, threshold) {
    while (this.#rows.length > faces.length) this.#rows.pop().element.remove();
    while (this.#rows.length < faces.length) {
      const row = new Row();
      this.#rows.push(row);
      this.#body.append(row.element);
    }
    faces.forEach((face, index) => this.#rows[index].update(face, index, threshold));
    this.element.classList.toggle("without-maps", !faces.some((face) => face.map_png));
    this.element.hidden = !faces.length;
    this.mark(Math.min(this.marked, faces.length - 1));
  }

  mark(index) {
    this.#rows[this.marked]?.element.classList.remove("marked");
    this.#rows[index]?.element.classList.add("marked");
    this.marked = index;
  }

  /** Scroll to a face's row and focus it. */
  focus(index) {
    this.#rows[index]?.button.focus();
  }

  /** The index of the face whose row holds a node, or -1. */
  indexOf(node) {
    return this.#rows.findIndex(({ element: row }) => row.contains(node));
  }
}

class Row {
  button = element("button", { type: "button", className: "number" });
  #crop = element("img", { width: 64, height: 64 });
  #map = element("img", { width: 64, height: 64 });
  #label = element("span", { className: "label" });
  #bar = element("span", { className: "bar-fill" });
  #confidence = element("span", { className: "figure" });

  constructor() {
    const bar = element("span", { className: "bar-ground", ariaHidden: "true" }, this.#bar);
    this.element = element(
      "tr",
      {},
      element("th", { scope: "row" }, this.button),
      element("td", {}, this.#crop),
      element("td", { className: "map" }, this.#map),
      element("td", {}, this.#label),
      element("td", {}, this.#confidence, bar),
    );
  }

  update(face, index, threshold) {
    const name = `${face.track ?? index + 1}`;
    const label = labelOf(face, threshold);
    this.button.textContent = name;
    this.button.ariaLabel = `Face ${name}: show it in the picture`;
    show(this.#crop, face.crop_png, `Face ${name} as the network’s input`);
    show(this.#map, face.map_png, `Guided gradient of face ${name}`);
    this.#label.textContent = label;
    this.#label.dataset.label = label;
    this.#confidence.textContent = percent(confidence(face));
    this.#bar.style.width = percent(2 * confidence(face) - 1);
    this.#bar.dataset.label = label;
  }
}

function show(image, png, alt) {
  image.alt = alt;
  image.hidden = !png;
  if (png) image.src = `data:image/png;base64,${png}`;
}

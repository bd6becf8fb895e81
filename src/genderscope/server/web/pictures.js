/** Pictures: sends each to the service and shows its faces. */

import { scored } from "./answers.js";
import { picturesAsCsv, picturesAsJson, record, save } from "./downloads.js";
import { draw } from "./drawing.js";
import { countsInWords, leftOutInWords, number } from "./labels.js";
import { linked } from "./linking.js";
import { FaceTable, element } from "./results.js";
import { look } from "./service.js";
import { settings } from "./settings.js";

const MAX_CANVAS_PX = 1024;
const CONCURRENT = 2;
const find = (id) => document.getElementById(id);

const pictures = [];
const waiting = [];
let working = 0;
let changed = () => {};

/** Set up the panel; ``onChange`` is called when the visible faces change. */
export function start(onChange) {
  changed = onChange;
  const [files, drop] = [find("files"), find("drop")];
  files.addEventListener("change", () => {
    add(files.files);
    files.value = ""; // so that the same file can be chosen again
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault(); // a picture dropped elsewhere must not replace the page
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") add(event.dataTransfer.files);
    });
  }
  document.addEventListener("paste", (event) => add(event.clipboardData.files));
  find("clear").addEventListener("click", () => {
    for (const picture of [...pictures]) picture.remove();
    files.focus();
  });
  find("save-csv").addEventListener("click", () =>
    save(picturesAsCsv(records()), "genderscope.csv", "text/csv"),
  );
  find("save-json").addEventListener("click", () =>
    save(picturesAsJson(records()), "genderscope.json", "application/json"),
  );
  settings.addEventListener("threshold", () => pictures.forEach((picture) => picture.show()));
  settings.addEventListener("network", () => {
    waiting.length = 0;
    for (const picture of pictures) picture.queue();
    work();
  });
}

/** The visible faces. */
export const faces = () => pictures.flatMap((picture) => picture.answer?.faces ?? []);

const records = () => pictures.map(({ file, answer, error }) => record(file.name, answer, error));

function add(files) {
  if (!files.length) return;
  if (find("pictures").hidden) find("pictures-tab").click();
  for (const file of files) {
    const picture = new Picture(file);
    pictures.push(picture);
    find("picture-list").append(picture.element);
    picture.queue();
  }
  work();
}

function work() {
  for (; working < CONCURRENT && waiting.length; working += 1) {
    waiting.shift().ask().finally(() => {
      working -= 1;
      work();
    });
  }
  report();
}

function report() {
  find("pictures-bar").hidden = !pictures.length;
  const failed = pictures.filter(({ error }) => error).length;
  const left = pictures.filter(({ pending }) => pending).length;
  for (const format of ["csv", "json"]) find(`save-${format}`).disabled = left > 0;
  const parts = [
    left ? `${number(left, "picture")} remaining …` : "",
    `${number(pictures.length, "picture")}, ${number(faces().length, "face")}.`,
    failed ? `${number(failed, "picture")} could not be read.` : "",
  ];
  find("progress").textContent = parts.filter(Boolean).join(" ");
  changed();
}

class Picture {
  /** Whether the answer is not yet one by the current settings. */
  pending = true;
  answer = null;
  error = null;
  #bitmap = null;
  #turn = 0;
  #canvas = element("canvas", { role: "img" });
  #summary = element("p", { className: "counts" });
  #failed = element("p", { className: "problem", hidden: true });

  constructor(file) {
    this.file = file;
    this.#canvas.hidden = true;
    this.table = new FaceTable(`Faces of ${file.name}`);
    this.table.element.hidden = true;
    linked(this.#canvas, this.table, () => this.answer, () => this.#paint());
    this.png = element("button", { type: "button", textContent: "As PNG", hidden: true });
    this.png.ariaLabel = `${file.name} with its boxes as PNG`;
    this.png.addEventListener("click", () => this.save());
    const remove = element("button", { type: "button", textContent: "Remove" });
    remove.ariaLabel = `Remove ${file.name}`;
    remove.addEventListener("click", () => {
      this.remove();
      find("files").focus();
    });
    this.element = element(
      "article",
      { className: "panel" },
      element(
        "div",
        { className: "row bar" },
        element("h3", { textContent: file.name }),
        this.png,
        remove,
      ),
      this.#failed,
      element(
        "div",
        { className: "picture" },
        element("div", { className: "preview" }, this.#canvas),
        element("div", { className: "details" }, this.#summary, this.table.element),
      ),
    );
  }

  queue() {
    this.#turn += 1;
    this.pending = true;
    waiting.push(this);
  }

  async ask() {
    const turn = this.#turn;
    this.#summary.textContent = "Processing …";
    let [answer, error] = [null, null];
    try {
      answer = await scored(await look(this.file));
      // The browser may support fewer formats than the service.
      this.#bitmap ??= await createImageBitmap(this.file).catch(() => null);
    } catch (refusal) {
      error = refusal.message;
    }
    if (turn !== this.#turn) return;
    Object.assign(this, { answer, error, pending: false });
    this.show();
  }

  show() {
    const { answer, error } = this;
    if (!answer && !error) return;
    this.#failed.textContent = error ?? "";
    this.#failed.hidden = !error;
    this.png.hidden = this.#canvas.hidden = !answer;
    this.#summary.textContent = answer ? this.#inWords() : "";
    this.table.update(answer?.faces ?? [], settings.threshold);
    if (!answer) return;
    this.#canvas.ariaLabel = `${this.file.name}: ${this.#inWords()}`;
    this.#paint();
  }

  #paint() {
    const options = { longest: MAX_CANVAS_PX, marked: this.table.marked };
    draw(this.#canvas, this.#bitmap, this.answer, settings.threshold, options);
  }

  #inWords() {
    const { faces: all } = this.answer;
    const small = leftOutInWords(this.answer);
    if (!all.length) return `No face was found.${small}`;
    const hidden = this.#bitmap ? "" : " The browser cannot show this format.";
    const totals = countsInWords(all, settings.threshold);
    return `${number(all.length, "face")}: ${totals}.${small}${hidden}`;
  }

  /** The picture at full size, with boxes and labels. */
  save() {
    const canvas = document.createElement("canvas");
    draw(canvas, this.#bitmap, this.answer, settings.threshold);
    const name = `${this.file.name.replace(/\.[^.]*$/, "")}-faces.png`;
    canvas.toBlob((png) => save(png, name, "image/png"));
  }

  remove() {
    this.#turn += 1;
    for (const list of [pictures, waiting]) {
      if (list.includes(this)) list.splice(list.indexOf(this), 1);
    }
    this.#bitmap?.close();
    this.element.remove();
    report();
  }
}

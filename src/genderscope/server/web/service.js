/** The client of the service, over HTTP and WebSocket. */

import { settings } from "./settings.js";

const TRIES = 20;
const ENDED = "The connection to the service was lost. Start again.";
let token = "";

/** An error response, with the service's message. */
export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

export function setToken(text) {
  token = text.replaceAll(/[^\x21-\x7e]/g, ""); // a header may contain nothing else
}

async function ask(path, options = {}) {
  const headers = token ? { ...options.headers, Authorization: `Bearer ${token}` } : options.headers;
  for (let tries = 1; ; tries += 1) {
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      throw new Refusal("The service does not respond. Is it still running?");
    }
    if (response.ok) return response;
    if (response.status === 503 && tries < TRIES) {
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      continue;
    }
    const problem = await response.json().catch(() => ({}));
    const message = problem.detail ?? `The service responded with ${response.status}.`;
    throw new Refusal(message, response.status);
  }
}

const of = (model) => `v1/models/${encodeURIComponent(model)}`;

export const models = async () => (await ask("v1/models")).json();
export const card = async (model) => (await ask(`${of(model)}/card?format=html`)).text();
export const limits = async () => (await ask("limits")).text();
export const network = async (model) => (await ask(`${of(model)}/network`)).arrayBuffer();

/** The faces of an encoded picture and their crops, according to the settings. */
export async function look(picture) {
  const options = new URLSearchParams({ model: settings.model.name, crops: "true" });
  const path = settings.explains ? `v1/explain?format=json&${options}` : `v1/classify?${options}`;
  const headers = { "Content-Type": "application/octet-stream" };
  await picture.slice(0, 1).arrayBuffer().catch(() => {
    throw new Refusal("This is a folder, or a file that was changed or removed: choose it again.");
  });
  const answer = await (await ask(path, { method: "POST", headers, body: picture })).json();
  return { model: answer.model, ...answer.pictures[0] };
}

/** An open WebSocket: frames out, their faces back. */
export class Live {
  #socket;
  #options = "";
  #sent = 0;
  #waiting = new Map();

  /** Connect; rejects if the service is full. */
  static open() {
    const protocols = token ? ["genderscope", `genderscope.token.${base64url(token)}`] : [];
    const url = new URL("v1/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, protocols);
    return new Promise((resolve, reject) => {
      socket.onopen = () => resolve(new Live(socket));
      socket.onclose = () =>
        reject(new Refusal("The service is busy or does not respond. Try again."));
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      if (!answer.frame) this.#options = ""; // refused: send the options again, to repeat the error
      for (const [number, { resolve, reject }] of this.#waiting) {
        if (number > (answer.frame ?? this.#sent)) break;
        this.#waiting.delete(number);
        if (answer.problem) reject(new Refusal(answer.problem.detail));
        else resolve(number === answer.frame ? answer : null);
      }
    };
    socket.onclose = () => this.#waiting.forEach(({ reject }) => reject(new Refusal(ENDED)));
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The faces of an encoded picture, or null if a later frame replaced it. */
  async look(picture, options) {
    if (!this.isOpen) throw new Refusal(ENDED);
    const text = JSON.stringify(options);
    if (text !== this.#options) this.#socket.send(text);
    this.#options = text;
    return new Promise((resolve, reject) => {
      this.#waiting.set((this.#sent += 1), { resolve, reject });
      this.#socket.send(picture);
    });
  }

  close() {
    this.#socket.close();
  }
}

const base64url = (text) =>
  btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

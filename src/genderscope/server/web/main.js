/** Sets up the page and connects its parts. */

import { agreement } from "./answers.js";
import * as camera from "./camera.js";
import { IN_TAB } from "./constants.js";
import { percent } from "./labels.js";
import * as pictures from "./pictures.js";
import * as service from "./service.js";
import { settings } from "./settings.js";
import { tabs } from "./tabs.js";
import { threshold } from "./threshold.js";

const find = (id) => document.getElementById(id);
const panels = { pictures, camera };
const TEXTS = { card: () => service.card(settings.model.name), limits: service.limits };
let active = pictures;
let tries = 0;

async function begin() {
  const mine = (tries += 1);
  find("failure").hidden = true;
  let answer;
  try {
    answer = await service.models();
  } catch (refusal) {
    if (mine !== tries) return;
    const unauthorized = refusal.status === 401;
    find("token-form").hidden = !unauthorized;
    find("failure").hidden = unauthorized && !find("token").value;
    find("failure").textContent = unauthorized ? "The token is wrong." : refusal.message;
    if (unauthorized) find("token").select();
    return;
  }
  if (mine !== tries) return; // a second click would set up the page twice
  find("token-form").hidden = true;
  find("where").hidden = !IN_TAB;
  chooseFrom(answer);
  wire();
  settings.choose({ model: answer.models.find(({ name }) => name === answer.default) });
  find("all").hidden = false;
}

function chooseFrom({ models, default: first }) {
  const chooser = find("model");
  chooser.replaceChildren(...models.map(({ name }) => new Option(name)));
  chooser.value = first;
  chooser.addEventListener("change", () => settings.choose({ model: models[chooser.selectedIndex] }));
  settings.addEventListener("network", () => {
    const { spec, metadata, explains } = settings.model;
    const parameters = metadata.parameters?.toLocaleString("en");
    const input = `reads ${spec.size} × ${spec.size} pixels, ${spec.colour}`;
    find("model-hint").textContent = [parameters && `${parameters} parameters`, input]
      .filter(Boolean)
      .join("; ");
    find("explain").disabled = !explains;
    find("abstention").textContent = inWords(metadata.abstention);
    for (const button of document.querySelectorAll("[data-text=card]")) {
      button.disabled = !settings.model.card;
    }
  });
}

/** What a model's own threshold does, measured on its validation faces. */
function inWords({ min_confidence: own, coverage, error_of_answered: rest, error_without_abstention: all }) {
  if (!coverage) return "";
  return (
    `The model’s own threshold is ${percent(own)}: it labels ${percent(coverage, 0)} of its validation ` +
    `faces, ${percent(rest)} of them wrong; without a threshold, ${percent(all)} of all are wrong.`
  );
}

function wire() {
  const update = threshold(() => active.faces());
  const onChange = () => {
    update();
    const sentence = agreement();
    if (find("agreement").textContent !== sentence) find("agreement").textContent = sentence;
  };
  pictures.start(onChange);
  camera.start(onChange);
  tabs(document.querySelector("[role=tablist]"), (panel) => {
    active = panels[panel];
    if (active !== camera) camera.stop();
    onChange();
  });
  settings.addEventListener("network", onChange);
  find("explain").addEventListener("change", ({ target }) =>
    settings.choose({ explain: target.checked }),
  );
  find("where").addEventListener("change", ({ target }) =>
    settings.choose({ inTab: target.value === "tab" }),
  );
  for (const button of document.querySelectorAll("[data-text]")) {
    const { text } = button.dataset;
    button.addEventListener("click", () => showText(TEXTS[text]()));
    if (text === "limits") button.disabled = false;
  }
  find("text-close").addEventListener("click", () => find("text").close());
  addEventListener("pagehide", camera.stop);
}

async function showText(loading) {
  let [title, content] = ["Not available", []];
  try {
    // The service made it from Markdown and escaped all HTML within.
    const { body } = new DOMParser().parseFromString(await loading, "text/html");
    const [heading, ...rest] = body.children;
    [title, content] = [heading.textContent, rest];
  } catch (refusal) {
    content = [refusal.message];
  }
  find("text-title").textContent = title;
  find("text-body").replaceChildren(...content);
  find("text-body").scrollTop = 0;
  find("text").showModal();
}

find("settings").open = matchMedia("(min-width: 48rem)").matches;
const LOCAL = ["127.0.0.1", "localhost", "[::1]"];
find("place").textContent = LOCAL.includes(location.hostname)
  ? "the service on this computer"
  : `the service at ${location.hostname}, to which they are sent,`;
find("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  service.setToken(find("token").value);
  begin();
});
begin();

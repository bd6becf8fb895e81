/** Sets up the page and connects its parts. */

import { agreement } from "./answers.js";
import * as camera from "./camera.js";
import { isBuilt } from "./network.js";
import * as pictures from "./pictures.js";
import * as service from "./service.js";
import { settings } from "./settings.js";
import { tabs } from "./tabs.js";
import { threshold } from "./threshold.js";

const find = (id) => document.getElementById(id);
const panels = { pictures, camera };
let active = pictures;

async function begin() {
  find("failure").hidden = true;
  let answer;
  try {
    answer = await service.models();
  } catch (refusal) {
    const unauthorized = refusal.status === 401;
    find("token-form").hidden = !unauthorized;
    find("failure").hidden = unauthorized && !find("token").value;
    find("failure").textContent = unauthorized ? "The token is wrong." : refusal.message;
    if (unauthorized) find("token").select();
    return;
  }
  find("token-form").hidden = true;
  const built = await isBuilt();
  find("where").hidden = !built;
  find("where-absent").hidden = built;
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
  });
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
  for (const button of document.querySelectorAll("[data-card]")) {
    button.addEventListener("click", showCard);
    button.disabled = false;
  }
  find("card-close").addEventListener("click", () => find("card").close());
  addEventListener("pagehide", camera.stop);
}

async function showCard() {
  let [title, content] = [settings.model.name, []];
  try {
    // The service made it from Markdown and escaped all HTML within.
    const { body } = new DOMParser().parseFromString(await service.card(title), "text/html");
    const [heading, ...rest] = body.children;
    [title, content] = [heading.textContent, rest];
  } catch (refusal) {
    content = [refusal.message];
  }
  find("card-title").textContent = title;
  find("card-text").replaceChildren(...content);
  find("card-text").scrollTop = 0;
  find("card").showModal();
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

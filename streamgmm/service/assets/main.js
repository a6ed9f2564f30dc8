// Puts the page together: what is chosen, the stream that follows it, and the panels it feeds.

import { ask } from "./api.js";
import { startDemo } from "./demo.js";
import { byId, choices, h, setText } from "./dom.js";
import { showHealth, showState } from "./health.js";
import { startKeys } from "./keys.js";
import { follow } from "./live.js";
import { startMixture } from "./mixture.js";
import { startScores } from "./scores.js";
import { startTable } from "./table.js";
import { startTheme } from "./theme.js";

const SPANS = [
  [300, "5 min"],
  [3600, "1 h"],
  [21600, "6 h"],
  [86400, "24 h"],
  [604800, "7 d"],
];

startTheme(byId("theme"));

const about = await ask("page");
setText(byId("version"), `streamgmm ${about.version}`);
startDemo(about.attacks);

const chosen = { model: "", span: 300 };
let models = [];
let stop = () => {};

const table = startTable(about);
const scores = startScores((id) => table.open(id));
const mixture = startMixture(about);

function restart() {
  stop();
  scores.clear(chosen);
  table.clear();
  const points = scores.points();
  stop = follow({ ...chosen, points }, see, (why) => showState(null, why));
  watchMixture();
}

// Of several models together there is no mixture: the first one's is shown then.
function watchMixture() {
  const model = chosen.model || models[0] || null;
  setText(
    byId("mixture-title"),
    models.length > 1 ? `What counts as normal in ${model}` : "What counts as normal",
  );
  mixture.watch(model);
}

function see(told, first) {
  showState(told.health);
  showHealth(told, chosen.model);
  offer(told.models);
  if (told.history) scores.add(told);
  table.add(told.rows, first, told.models);
}

// Offers the models that are there; one that has left is let go of.
function offer(names) {
  if (names.join("\n") === models.join("\n")) return;
  models = names;
  const select = byId("model");
  const all = h("option", { value: "" }, `all ${names.length}`);
  select.replaceChildren(all, ...names.map((name) => h("option", { value: name }, name)));
  byId("model-choice").hidden = names.length < 2;
  if (chosen.model && !names.includes(chosen.model)) {
    chosen.model = "";
    restart();
  }
  select.value = chosen.model;
  watchMixture();
}

byId("model").addEventListener("change", (event) => {
  chosen.model = event.target.value;
  restart();
});
const pressSpan = choices(byId("span"), SPANS, chosen.span, (span) => {
  chosen.span = span;
  restart();
});
startKeys({ spans: SPANS.map(([span]) => span), pressSpan, table });
restart();

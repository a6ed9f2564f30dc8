// What has changed in the mixture since an hour ago, as far as it matters.

import { byId, h, setText } from "./dom.js";
import { duration, moment, percent } from "./words.js";

const [SHARE, SPREADS] = [0.02, 0.25];

export function changes(told) {
  const list = byId("changes");
  if (!told || told.seconds < 1) {
    setText(byId("changes-title"), "Changes");
    list.replaceChildren(h("li", { class: "hint" }, "Nothing to compare with yet."));
    return;
  }
  const since = told.seconds > 3500 ? "an hour ago" : `${duration(told.seconds)} ago`;
  setText(byId("changes-title"), `Changes since ${since}`);
  byId("changes-title").title = moment(new Date(told.since * 1000));
  const lines = [...told.born.map((id) => `Component ${id} is new.`), ...told.gone.map(gone), ...told.moved.flatMap(moved)];
  list.replaceChildren(...(lines.length ? lines.map((line) => h("li", {}, line)) : [h("li", { class: "hint" }, "None to speak of.")]));
}

const gone = ({ id, weight }) => `Component ${id}, which had ${percent(weight)}, has merged or retired.`;

function moved(one) {
  const [before, after] = one.weight;
  const lines = [];
  if (Math.abs(after - before) >= SHARE) lines.push(`Component ${one.id}: ${percent(before)} → ${percent(after)} of the traffic.`);
  if (one.moved >= SPREADS) lines.push(`Component ${one.id} moved: ${one.feature} ${one.text.replace(" -> ", " → ")}.`);
  return lines;
}

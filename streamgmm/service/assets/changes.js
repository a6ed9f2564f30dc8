// What has changed in the mixture since an hour ago, as far as it matters.

import { byId, h, setText } from "./dom.js";
import { duration, moment, percent } from "./words.js";

const [SHARE, SPREADS] = [0.02, 0.5];
const MOST = 8;

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
  const lines = [
    ...told.born.map((number) => `Component ${number} is new.`),
    ...told.gone.map(gone),
    ...told.moved.flatMap(moved),
  ];
  const more = lines.length > MOST ? [`and ${lines.length - MOST} more of the kind.`] : [];
  list.replaceChildren(
    ...(lines.length
      ? [...lines.slice(0, MOST), ...more].map((line) => h("li", {}, line))
      : [h("li", { class: "hint" }, "None to speak of.")]),
  );
}

const gone = ({ component, weight, nearest }) =>
  `What was component ${component}, with ${percent(weight)}, has merged or retired; nearest is ${nearest ?? "none"} now.`;

function moved(one) {
  const [before, after] = one.weight;
  const parts = [];
  if (Math.abs(after - before) >= SHARE) parts.push(`${percent(before)} → ${percent(after)} of the traffic`);
  if (one.moved >= SPREADS) parts.push(`${one.feature} ${one.text.replace(" -> ", " → ")}`);
  return parts.length ? [`Component ${one.component}: ${parts.join("; ")}.`] : [];
}

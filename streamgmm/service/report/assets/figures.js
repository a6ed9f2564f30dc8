// The head of a report, its tiles, and how it was made.

import { byId, h, setText } from "../../assets/dom.js";
import { duration, number, percent } from "../../assets/words.js";
import { date, time } from "./utc.js";

const whole = (value) => number(value, 15);

export function figures(told) {
  const { figures: one, source } = told;
  document.title = `${source}: streamgmm replay`;
  setText(byId("title"), `Replay of ${source}`);
  setText(byId("when"), when(one));
  byId("tiles").append(...tiles(one).map(tile));
  setText(byId("configuration"), told.configuration);
  byId("summary").append(...told.summary.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  setText(byId("version"), `streamgmm ${told.version}, ${told.made.slice(0, 16).replace("T", " ")} UTC`);
}

function tile([name, value, more = "", kind = ""]) {
  const parts = [h("span", {}, name), h("strong", {}, value), h("small", { title: more }, more)];
  return h("div", { class: `tile ${kind}` }, ...parts);
}

function when({ first_time: first, last_time: last }) {
  if (first === null) return "Events without times; in the order of the file";
  const [from, to] = [date(first), date(last)];
  const start = from === to ? `${from},` : from;
  const span = `${start} ${time(first)} to ${from === to ? "" : `${to} `}${time(last)}`;
  return `${span} UTC (${duration(last - first)})`;
}

function tiles(one) {
  const share = one.scored ? `${percent(one.alerts / one.scored, 2)} of events` : "all events went into warm-up";
  const all = [
    ["Events", whole(one.events), one.seconds ? `${number(one.events / one.seconds)} a second` : ""],
    ["Alerts", whole(one.alerts), share],
  ];
  if (one.anomalies + one.normal > 0) {
    const { anomalies, allowed } = one;
    const over = allowed !== null && one.false_alarms > 2 * allowed + 3;
    const budget = allowed === null ? "" : `budget ${number(allowed)} (${one.budget})`;
    const found = `${whole(one.found)} of ${whole(anomalies)} anomalies`;
    const chance = number(anomalies / (anomalies + one.normal), 2);
    all.push(
      ["False alarms", whole(one.false_alarms), budget, over ? "warn" : ""],
      ["Found", anomalies ? percent(one.found / anomalies) : "–", found],
      ["ROC-AUC", area(one.roc_auc), "1 is best, 0.5 chance"],
      ["Average precision", area(one.average_precision), `chance ${chance}`],
    );
  } else if (one.allowed !== null && one.scored) {
    all.push(["Budget", number(one.allowed), `false alarms (${one.budget})`]);
  }
  if (one.dead_letters) all.push(["Dead letters", whole(one.dead_letters), "could not be read", "warn"]);
  return all;
}

const area = (value) => (value === null ? "–" : value.toFixed(3));

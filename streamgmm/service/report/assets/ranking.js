// How well scores rank anomalies above the rest, at every threshold; a dot where it alerted.

import { byId, choices, h } from "../../assets/dom.js";
import { number, percent } from "../../assets/words.js";
import { decades, power } from "./calibration.js";
import { axis, chart, dots, key, line, note } from "./chart.js";

const HEIGHT = 250;
const shares = (splits) => splits.map((one) => percent(one));
const UNIT = { time: false, range: () => [0, 1] };
const UP = { range: () => [0, 1.02] };

export function ranking(told, figures) {
  roc(told, figures);
  precision(told, figures);
}

const whole = (one) => number(one, 15);
const share = (one) => `${percent(one, 3)}`;
const tip = (told, i) => [
  h("dl", {},
    h("dt", {}, "found"), h("dd", {}, `${share(told.recall[i])} of ${whole(told.anomalies)} anomalies`),
    h("dt", {}, "false alarms"), h("dd", {}, `${whole(told.false_alarms[i] * told.normal)} of ${whole(told.normal)}`),
    h("dt", {}, "precision"), h("dd", {}, told.precision[i] === null ? "–" : share(told.precision[i]))),
];

function roc(told, { found, false_alarms: fell }) {
  const box = byId("roc");
  const least = 0.5 / told.normal;
  let log = true;
  let plot = null;
  const across = (one) => (log ? Math.log10(Math.max(one, least)) : one);

  function draw() {
    plot?.destroy();
    const even = told.false_alarms;
    plot = chart(box, {
      height: HEIGHT,
      data: [told.false_alarms.map(across), even, told.recall],
      tip: (i) => tip(told, i),
      scales: { x: log ? { time: false, range: () => [Math.log10(least), 0] } : UNIT, y: UP },
      axes: [
        log ? axis(power, { size: 32, splits: decades }) : axis(shares, { size: 32 }),
        axis(shares, { size: 52 }),
      ],
      series: [{}, line("muted", { width: 1.4, dash: [5, 5] }), line("series", { width: 2.2 })],
      hooks: { draw: [(one) => dots(one, [[across(fell / told.normal), found / told.anomalies]], "alert", 4.5)] },
    });
  }

  draw();
  choices(byId("roc-axis"), [["log", "Log"], ["linear", "Linear"]], "log", (value) => {
    log = value === "log";
    draw();
  });
  const error = told.roc_auc_error > 5e-5 ? ` ± ${number(told.roc_auc_error, 1)}` : "";
  byId("roc-legend").append(
    h("b", {}, `Area ${told.roc_auc.toFixed(4)}${error}`),
    ...key("line", "share of anomalies found, over the share of normal events that alert"),
    ...key("even", "chance"), ...key("spot", "the alerts"),
    note("The curve has one threshold for all of the replay; that of the alerts moved with the traffic."),
  );
}

function precision(told, { found, false_alarms: fell }) {
  const alerts = found + fell ? [[found / told.anomalies, found / (found + fell)]] : [];
  const base = told.anomalies / (told.anomalies + told.normal);
  // The first point has no precision: nothing has alerted yet.
  const from = told.precision.findIndex((one) => one !== null);
  const [recall, precise] = [told.recall.slice(from), told.precision.slice(from)];
  chart(byId("precision"), {
    height: HEIGHT,
    data: [recall, recall.map(() => base), precise],
    tip: (i) => tip(told, i + from),
    scales: { x: UNIT, y: UP },
    axes: [axis(shares, { size: 32 }), axis(shares, { size: 52 })],
    series: [{}, line("muted", { width: 1.4, dash: [5, 5] }), line("series", { width: 2.2 })],
    hooks: { draw: [(one) => dots(one, alerts, "alert", 4.5)] },
  });
  byId("precision-legend").append(
    h("b", {}, `Average precision ${told.average_precision.toFixed(4)}`),
    ...key("line", "share of alerts that are anomalies, over the share of anomalies found"),
    ...key("even", "chance"), ...key("spot", "the alerts"),
  );
}

// Alerts of each day as bars, and what the budget allows as a line through them.

import { colour } from "../../assets/colours.js";
import { byId, h } from "../../assets/dom.js";
import { number, short } from "../../assets/words.js";
import { axis, chart, key, line, note } from "./chart.js";
import { date, shortDate } from "./utc.js";

const uPlot = globalThis.uPlot;
const DAY = 86400;

export function budget(told, labelled) {
  const box = byId("days");
  const { start, days } = told;
  if (!start.length) {
    const why = "Events without a time have no days: name the member that has it, [events] time.";
    box.append(h("p", { class: "empty" }, why));
    return;
  }
  const wide = days * DAY;
  const middle = start.map((one) => one + wide / 2);
  const total = start.map((_, i) => told.found[i] + told.false[i] + told.unknown[i]);
  const [first, last] = [start[0], start.at(-1) + wide];
  const most = Math.max(...total, ...told.budget, 1);
  const bars = uPlot.paths.bars({ size: [0.72, 64] });
  const bar = (name) => line(name, { width: 0, fill: () => colour(name), paths: bars });
  const within = (one) => one >= first && one < last;
  const datesOf = (splits) => splits.map((one) => (within(one) ? shortDate(one) : ""));
  chart(box, {
    height: 250,
    data: [middle, total, start.map((_, i) => told.false[i] + told.unknown[i]), told.false],
    tip: (i) => tip(told, i),
    scales: {
      x: { range: () => (last - first < 3 * wide ? [first - wide, last + wide] : [first, last]) },
      y: { range: () => [0, 1.08 * most] },
    },
    axes: [
      axis(datesOf, { size: 32, space: 64, splits: () => ticks(start, wide) }),
      axis((splits) => splits.map(short), { size: 48, space: 34 }),
    ],
    series: [{}, bar("series"), bar(labelled ? "muted" : "series"), bar("edge")],
    hooks: { draw: [(plot) => allowed(plot, told, wide)] },
  });
  const unknown = told.unknown.some(Boolean) ? key("bar-unknown", "not labelled") : [];
  const each = days > 1 ? `Each bar is ${number(days, 15)} days, in UTC` : "Days are in UTC";
  byId("days-legend").append(
    ...(labelled
      ? [...key("bar-all", "alerts on anomalies"), ...key("bar-false", "false alarms"), ...unknown]
      : key("bar-all", "alerts")),
    ...key("dash", "budget for false alarms"),
    note(`${each}; the budget is for as much of them as there are events.`),
  );
}

const ticks = (start, wide) => {
  const every = Math.max(1, Math.ceil(start.length / 7));
  return start.filter((_, i) => i % every === 0).map((one) => one + wide / 2);
};

function tip(told, i) {
  const total = told.found[i] + told.false[i] + told.unknown[i];
  const hours = 24 * told.days * told.covered[i];
  const row = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
  return [
    h("b", {}, date(told.start[i])), told.days > 1 ? ` and ${number(told.days - 1, 15)} days more` : "",
    h("dl", {},
      ...row("alerts", number(total, 15)),
      ...(told.found[i] ? row("on anomalies", number(told.found[i], 15)) : []),
      ...(told.false[i] ? row("false", number(told.false[i], 15)) : []),
      ...row("budget", number(told.budget[i])),
      ...(told.covered[i] < 0.995 ? row("events in", `${number(hours, 2)} h of it`) : [])),
  ];
}

function allowed(plot, told, wide) {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = colour("threshold");
  ctx.lineWidth = 1.6 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  told.start.forEach((start, i) => {
    const y = plot.valToPos(told.budget[i], "y", true);
    ctx.moveTo(plot.valToPos(start, "x", true), y);
    ctx.lineTo(plot.valToPos(start + wide, "x", true), y);
  });
  ctx.stroke();
  ctx.restore();
}

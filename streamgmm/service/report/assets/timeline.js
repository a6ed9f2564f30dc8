// Scores along the replay: typical, lowest and highest, the threshold, and the alerts.

import { STEPS, decades } from "../../assets/axes.js";
import { Buckets } from "../../assets/buckets.js";
import { colour } from "../../assets/colours.js";
import { byId, choices, h } from "../../assets/dom.js";
import { duration, number, short } from "../../assets/words.js";
import { axis, chart, dots, hideTip, key, line, note } from "./chart.js";
import { labels, moment } from "./utc.js";

const AXES = [["linear", "Linear"], ["log", "Log"]];
const COLUMNS = ["start", "count", "alerts", "low", "typical", "high", "threshold", "strangest"];
const WEEKS = [7, 28, 364].map((days) => 86400 * days);
const HEIGHT = 280;

export function timeline(told, openAlert) {
  const box = byId("scores");
  if (!told.start.length) {
    box.append(h("p", { class: "empty" }, "No event has been read, or none has a time."));
    return;
  }
  const { start, width, timed } = told;
  const end = start.at(-1) + width;
  const buckets = new Buckets(end - start[0]);
  buckets.add({ now: end, history: told });
  const { shown } = buckets;
  let log = buckets.wantLog(false);
  let plot = null;

  function draw() {
    plot?.destroy();
    const data = buckets.columns().slice(0, 5);
    plot = chart(box, { height: HEIGHT, data, tip, ...looks(told, log, heights, noteZoom) });
    box.dataset.drawn = String(start.length);
  }

  // Of what can be seen of them.
  function heights({ scales: { x } }) {
    const within = start.flatMap((one, i) => (one + width >= (x.min ?? one) && one <= (x.max ?? one) ? [i] : []));
    const columns = COLUMNS.map((name) => [name, within.map((i) => told[name][i])]);
    const seen = new Buckets(buckets.span);
    seen.add({ now: end, history: { width, ...Object.fromEntries(columns) } });
    return seen.range(log);
  }

  function noteZoom({ scales: { x } }) {
    byId("whole").hidden = x.max - x.min > 0.98 * (end - width - start[0]);
  }

  function tip(at) {
    const one = shown[at];
    if (!one?.count) return null;
    const where = timed ? moment(one.start) : `event ${number(Math.max(one.start, 1), 15)} on`;
    const [id, whose] = one.strangest;
    const many = `${number(one.alerts, 15)} alert${one.alerts > 1 ? "s" : ""}`;
    return [
      h("b", {}, where), timed ? ` ${duration(width)}, ` : ", ", `${number(one.count, 15)} events, `,
      one.alerts ? h("b", { class: "alert-word" }, many) : "no alert",
      h("dl", {},
        h("dt", {}, "scores"), h("dd", {}, `${number(one.low)} to ${number(one.high)}`),
        h("dt", {}, "typical"), h("dd", {}, number(one.typical)),
        h("dt", {}, "threshold"), h("dd", {}, one.threshold === null ? "none in warm-up" : number(one.threshold)),
        h("dt", {}, "strangest"), h("dd", {}, `${whose ?? ""} ${id}`)),
    ];
  }

  function openHere() {
    const one = shown[plot.cursor.idx];
    if (one?.alerts) openAlert(one.strangest[0]);
  }

  function step(by) {
    let next = (plot.cursor.idx ?? shown.length) + by;
    while (shown[next] && !shown[next].count) next += by;
    if (shown[next]) plot.setCursor({ left: plot.valToPos(plot.data[0][next], "x"), top: 10 });
  }

  draw();
  box.addEventListener("click", openHere);
  box.addEventListener("blur", hideTip);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") openHere();
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  byId("whole").addEventListener("click", draw);
  choices(byId("axis"), AXES, log ? "log" : "linear", (value) => {
    log = value === "log";
    draw();
  });
  byId("scores-legend").append(
    ...key("line", "typical score, in nats"),
    ...key("band", `from lowest to highest in ${timed ? duration(width) : width > 1 ? `${number(width, 15)} events` : "one event"}`),
    ...key("dash", "alerts from here on"), ...key("spot", "alerts"),
    note("Drag to look closer.", "note screen"),
  );
}

const looks = (told, log, heights, noteZoom) => ({
  cursor: { drag: { x: true, y: false } },
  scales: {
    x: { time: told.timed, range: (_, low, high) => (low < high ? [low, high] : around(low, told.width)) },
    y: { distr: log ? 4 : 1, asinh: 10, range: heights },
  },
  axes: [
    told.timed
      ? axis(labels, { size: 44, space: 84, incrs: [...STEPS, ...WEEKS], splits: utcTicks })
      : axis(shorts, { size: 32, space: 84 }),
    axis(shorts, { size: 56, space: 34, ...(log ? { splits: decades, filter: (_, ticks) => ticks } : {}) }),
  ],
  series: [
    {},
    line("series", { width: 0.6, stroke: () => colour("series", 0.55) }),
    line("series", { width: 0 }),
    line("series", { width: 1.8 }),
    line("threshold", { width: 1.4, dash: [6, 4] }),
  ],
  bands: [{ series: [1, 2], fill: () => colour("series", 0.16) }],
  hooks: {
    draw: [(plot) => dots(plot, [...crowded(told), ...told.marks], "alert")],
    setScale: [(plot, name) => name === "x" && noteZoom(plot)],
  },
});

const around = (at, width) => [at - width, at + width];
const shorts = (ticks) => ticks.map((one) => (one === null ? "" : short(one)));

function utcTicks(_, __, from, to, step) {
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

// Where not every alert is told on its own, the highest of a bucket stands for them.
function crowded({ start, width, high, alerts, marks }) {
  const first = marks[0]?.[0] ?? Infinity;
  return start.flatMap((one, i) => (alerts[i] && one + width <= first ? [[one + width / 2, high[i]]] : []));
}

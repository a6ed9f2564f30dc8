// The chart of scores: what is usual, from lowest to highest, the threshold, and the alerts.

import { colour, whenColoursChange } from "./colours.js";
import { byId, choices, h } from "./dom.js";
import { hideTip, showTip } from "./tip.js";
import { short } from "./words.js";

const uPlot = globalThis.uPlot;
const AXES = [["auto", "Auto"], ["linear", "Linear"], ["log", "Log"]];
const HEIGHT = 260;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];

export function startScores(openAlert) {
  const box = byId("scores");
  let axis = "auto";
  let log = false;
  let chosen = { model: "", span: 300 };
  let buckets = new Map();
  let width = 1;
  let now = 0;
  let shown = [];
  let plot = null;

  const points = () => Math.max(60, Math.min(360, Math.floor(box.clientWidth / 3)));

  function clear(view) {
    chosen = { ...view };
    buckets = new Map();
    shown = [];
    hideTip();
    draw();
  }

  function add(told) {
    const { history } = told;
    now = told.now;
    width = history.width;
    history.start.forEach((start, i) => {
      const bucket = { start, strangest: history.strangest[i] };
      for (const name of ["count", "alerts", "low", "typical", "high", "threshold"]) bucket[name] = history[name][i];
      buckets.set(start, bucket);
    });
    for (const start of buckets.keys()) {
      if (start + width < now - chosen.span) buckets.delete(start);
      else break;
    }
    draw();
  }

  // Where a twentieth of the span has nothing, the line is interrupted.
  function columns() {
    shown = [];
    let before = null;
    for (const bucket of buckets.values()) {
      if (before && bucket.start - before.start > Math.max(1.5 * width, chosen.span / 20)) {
        shown.push({ start: before.start + width });
      }
      shown.push(bucket);
      before = bucket;
    }
    const of = (name) => shown.map((one) => one[name] ?? null);
    const alerts = shown.map((one) => (one.alerts ? one.high : null));
    return [shown.map((one) => one.start + width / 2), of("high"), of("low"), of("typical"), of("threshold"), alerts];
  }

  function wantsLog() {
    if (axis !== "auto") return axis === "log";
    const highs = [...buckets.values()].map(({ high }) => high ?? 0).sort((a, b) => a - b);
    const usual = Math.max(10, highs[highs.length >> 1] ?? 0);
    // Not back and forth with every alert that comes and goes.
    return highs.at(-1) > (log ? 4 : 6) * usual;
  }

  function draw() {
    if (plot === null || wantsLog() !== log) {
      log = wantsLog();
      plot?.destroy();
      plot = new uPlot(options(), columns(), box);
    } else {
      plot.setData(columns(), false);
      rescale();
    }
    box.dataset.drawn = `${chosen.span}/${shown.length}`;
  }

  function rescale() {
    plot.batch(() => {
      plot.setScale("x", { min: now - chosen.span, max: Math.max(now, 1) });
      const [low, high] = range();
      plot.setScale("y", { min: low, max: high });
    });
  }

  function range() {
    let low = Infinity;
    let high = -Infinity;
    for (const one of buckets.values()) {
      low = Math.min(low, one.low ?? low);
      high = Math.max(high, one.high ?? high);
    }
    if (!(low < high)) return [0, 10];
    // A threshold far above all scores leaves the picture: it is in the tip.
    for (const { threshold } of buckets.values()) {
      if (threshold < 2 * high) high = Math.max(high, threshold);
    }
    if (log) return [Math.min(low, 0), high * 1.6];
    const room = 0.06 * (high - low);
    return [low - room, high + room];
  }

  function options() {
    const line = (name, more) => ({ stroke: () => colour(name), width: 1, points: { show: false }, spanGaps: false, ...more });
    const axisStyle = { stroke: () => colour("muted"), grid: { stroke: () => colour("rule"), width: 1 }, ticks: { stroke: () => colour("rule"), size: 4 }, font: "12px system-ui, sans-serif" };
    return {
      width: Math.max(box.clientWidth, 200),
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      padding: [10, 26, 0, 0],
      scales: {
        x: { time: true, range: () => [now - chosen.span, Math.max(now, 1)] },
        y: { distr: log ? 4 : 1, asinh: 10, range: () => range() },
      },
      axes: [
        { ...axisStyle, size: 32, space: 76, incrs: STEPS, splits: timeTicks, values: timeLabels },
        { ...axisStyle, size: 56, space: 34, ...(log ? { splits: decades, filter: (_, splits) => splits } : {}), values: (_, splits) => splits.map((one) => (one === null ? "" : short(one))) },
      ],
      series: [
        {},
        line("series", { width: 0.6, stroke: () => colour("series", 0.55) }),
        line("series", { width: 0 }),
        line("series", { width: 1.8, points: { show: () => shown.length < 30, size: 5, fill: () => colour("series") } }),
        line("threshold", { width: 1.4, dash: [6, 4] }),
        { stroke: () => colour("alert"), paths: () => null,
          points: { show: true, size: 7, width: 1, fill: () => colour("alert"), stroke: () => colour("panel") } },
      ],
      bands: [{ series: [1, 2], fill: () => colour("series", 0.16) }],
      hooks: { setCursor: [hover] },
    };
  }

  // 0 and the powers of ten, as far apart as they are on such an axis.
  function decades(_, __, low, high) {
    const all = [0];
    for (let one = 10; one <= high; one *= 10) all.push(one);
    for (let one = -10; one >= low; one *= 10) all.unshift(one);
    return all;
  }

  // Whole steps of the local clock.
  function timeTicks(_, __, from, to, step) {
    const shift = 60 * new Date(from * 1000).getTimezoneOffset();
    const ticks = [];
    for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) ticks.push(at);
    return ticks;
  }

  function timeLabels(_, splits) {
    const long = chosen.span > 86400;
    const fine = chosen.span <= 600;
    return splits.map((one) => {
      const date = new Date(Math.round(one) * 1000);
      if (long) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) + (date.getHours() ? ` ${date.getHours()}:00` : "");
      return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...(fine ? { second: "2-digit" } : {}) });
    });
  }

  function hover() {
    const bucket = shown[plot.cursor.idx];
    if (plot.cursor.left < 0 || !bucket?.count) {
      hideTip();
      return;
    }
    const at = plot.over.getBoundingClientRect();
    showTip(bucket, { ...chosen, points: points() }, width, at.left + plot.cursor.left, at.top + 8);
  }

  function openHere() {
    const bucket = shown[plot.cursor.idx];
    if (bucket?.alerts) openAlert(bucket.strangest?.id);
  }

  box.addEventListener("click", openHere);
  box.addEventListener("blur", hideTip);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Enter") openHere();
    if (!step || !shown.length) return;
    event.preventDefault();
    let next = (plot.cursor.idx ?? shown.length) + step;
    while (shown[next] && !shown[next].count) next += step;
    if (!shown[next]) return;
    const left = plot.valToPos(shown[next].start + width / 2, "x");
    plot.setCursor({ left, top: 10 });
  });
  const pressAxis = choices(byId("axis"), AXES, axis, (value) => {
    axis = value;
    draw();
    pressAxis(value, false);
  });
  byId("scores-legend").append(
    h("span", { class: "key line" }), "typical score, in nats ",
    h("span", { class: "key band" }), "from lowest to highest ",
    h("span", { class: "key dash" }), "alerts from here on ",
    h("span", { class: "key spot" }), "alerts",
  );
  new ResizeObserver(() => plot?.setSize({ width: Math.max(box.clientWidth, 200), height: HEIGHT })).observe(box);
  whenColoursChange(() => plot?.redraw(false));
  return { add, clear, points };
}

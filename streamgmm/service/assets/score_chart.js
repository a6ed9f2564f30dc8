// How the chart of scores looks.

import { STEPS, decades, style, timeLabels, timeTicks } from "./axes.js";
import { colour } from "./colours.js";
import { short } from "./words.js";

export const HEIGHT = 260;

const line = (name, more) => ({
  stroke: () => colour(name),
  width: 1,
  points: { show: false },
  ...more,
});

const series = (isShort) => [
  {},
  line("series", { width: 0.6, stroke: () => colour("series", 0.55) }),
  line("series", { width: 0 }),
  line("series", { width: 1.8, points: { show: isShort, size: 5, fill: () => colour("series") } }),
  line("threshold", { width: 1.4, dash: [6, 4] }),
  line("alert", {
    paths: () => null,
    points: { show: true, size: 7, width: 1, fill: () => colour("alert"), stroke: () => colour("panel") },
  }),
];

const axes = (buckets, log) => [
  {
    ...style(),
    size: 32,
    space: 76,
    incrs: STEPS,
    splits: timeTicks,
    values: (_, ticks) => timeLabels(ticks, buckets().span),
  },
  {
    ...style(),
    size: 56,
    space: 34,
    ...(log ? { splits: decades, filter: (_, ticks) => ticks } : {}),
    values: (_, ticks) => ticks.map((one) => (one === null ? "" : short(one))),
  },
];

// uPlot's options; `buckets()` are those of the moment.
export const chart = (width, buckets, log, hover) => ({
  width,
  height: HEIGHT,
  legend: { show: false },
  cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
  padding: [10, 26, 0, 0],
  scales: {
    x: { time: true, range: () => [buckets().now - buckets().span, Math.max(buckets().now, 1)] },
    y: { distr: log ? 4 : 1, asinh: 10, range: () => buckets().range(log) },
  },
  axes: axes(buckets, log),
  series: series(() => buckets().shown.length < 30),
  bands: [{ series: [1, 2], fill: () => colour("series", 0.16) }],
  hooks: { setCursor: [hover] },
});

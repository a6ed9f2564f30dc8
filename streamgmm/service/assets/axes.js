// Axes of charts: their looks, whole steps of the local clock, powers of ten.

import { colour } from "./colours.js";

// In seconds; what a step of an axis of time may be.
export const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800,
];

export const style = (size = 12) => ({
  stroke: () => colour("muted"),
  grid: { stroke: () => colour("rule"), width: 1 },
  ticks: { stroke: () => colour("rule"), size: 4 },
  font: `${size}px system-ui, sans-serif`,
});

// uPlot asks for ticks with (plot, axis, from, to, step), and for labels with (plot, ticks).

export function timeTicks(_, __, from, to, step) {
  const shift = 60 * new Date(from * 1000).getTimezoneOffset();
  const ticks = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) ticks.push(at);
  return ticks;
}

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const DAY = { day: "numeric", month: "short" };

// Of a chart of so many seconds; a tick may fall a little beside its second.
export function timeLabels(ticks, span) {
  return ticks.map((at) => {
    const date = new Date(Math.round(at) * 1000);
    if (span <= 600) return date.toLocaleTimeString("en-GB", { ...CLOCK, second: "2-digit" });
    if (span <= 86400) return date.toLocaleTimeString("en-GB", CLOCK);
    const hour = date.getHours();
    return date.toLocaleDateString("en-GB", DAY) + (hour ? ` ${hour}:00` : "");
  });
}

// 0 and the powers of ten within a range.
export function decades(_, __, low, high) {
  const all = [0];
  for (let one = 10; one <= high; one *= 10) all.push(one);
  for (let one = -10; one >= low; one *= 10) all.unshift(one);
  return all;
}

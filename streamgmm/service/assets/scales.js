// The model's scales: from the user's units and back, and where to put ticks.

import { number, percent, quantity } from "./words.js";

export function forward(transform, value) {
  if (transform === "log1p") return Math.log1p(value);
  if (transform === "asinh") return Math.asinh(value);
  return value;
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

// The part of its day ("08:30") or week ("Tue 08:30") that has passed at a time.
export function partOfCycle(clock) {
  const [hours, minutes] = clock.slice(-5).split(":").map(Number);
  const day = (hours + minutes / 60) / 24;
  return clock.length > 5 ? (WEEKDAYS.indexOf(clock.slice(0, 3)) + day) / 7 : day;
}

// The columns of the fields, each with its field.
export const columnsOf = (fields) =>
  new Map(fields.flatMap((field) => field.columns.map((name) => [name, field])));

const powers = () => {
  const all = [0];
  for (let k = -6; k <= 15; k += 1) all.push(10 ** k);
  return all;
};

function linear(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((one) => one * power >= rough) ?? 10);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high; k += 1) ticks.push(k * step);
  return ticks.map((at) => [at, at]);
}

// Ticks within [low, high] of the model's units, about `most` at most, as pairs of position and label.
export function ticks(field, low, high, most) {
  if (!(high > low)) return [];
  let found;
  if (field.transform === "surprise") {
    found = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001, 1e-4].map((share) => [
      -Math.log(share),
      percent(share),
    ]);
  } else if (field.kind === "time") {
    found = [-1, 0, 1].map((at) => [at, number(at)]);
  } else {
    const plain =
      field.transform === "identity"
        ? linear(low, high)
        : powers()
            .flatMap((one) => (field.transform === "asinh" ? [one, -one] : [one]))
            .map((one) => [forward(field.transform, one), one]);
    found = plain.map(([at, value]) => [at, quantity(value, field.unit)]);
  }
  const within = found.filter(([at]) => at >= low && at <= high).sort(([a], [b]) => a - b);
  // Labels that would touch are left out.
  const kept = [];
  for (const tick of within.reverse()) {
    if (!kept.length || kept.at(-1)[0] - tick[0] > (high - low) / most) kept.push(tick);
  }
  return kept.reverse();
}

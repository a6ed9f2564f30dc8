// How often p-values were at most x, against x: both on logarithmic axes.

import { colour } from "../../assets/colours.js";
import { byId, h } from "../../assets/dom.js";
import { number } from "../../assets/words.js";
import { axis, chart, key, line, note } from "./chart.js";

const log = (value) => (value > 0 ? Math.log10(value) : null);
const written = (one) => (one >= -2 ? number(10 ** one) : `1e${one}`);
export const power = (splits) => splits.map((one) => (Number.isInteger(one) ? written(one) : ""));
export const decades = (_, __, low, high) => {
  const every = Math.max(1, Math.ceil((high - low) / 7));
  const all = [];
  for (let one = Math.ceil(low); one <= Math.floor(high); one += every) all.push(one);
  return all;
};

export function calibration(told) {
  const box = byId("calibration");
  const { n, level, share, low, high } = told;
  if (!level.length) {
    box.append(h("p", { class: "empty" }, "No event after warm-up, so there is nothing to compare."));
    return;
  }
  const x = level.map(log);
  const floor = Math.min(x[0], ...share.filter(Boolean).map(log), -1) - 0.4;
  const held = (values) => values.map((one) => Math.max(log(one) ?? floor, floor));
  chart(box, {
    height: 250,
    data: [x, held(high), held(low), x, share.map(log)],
    tip: (i) => [
      h("b", {}, `p at most ${number(level[i])}`),
      h("dl", {},
        h("dt", {}, "expected"), h("dd", {}, `${number(level[i] * n)} of ${number(n, 15)} events`),
        h("dt", {}, "observed"), h("dd", {}, `${number(share[i] * n)}, a share of ${number(share[i])}`),
        h("dt", {}, "95%"), h("dd", {}, `${number(low[i])} to ${number(high[i])}`)),
    ],
    scales: { x: { time: false, range: () => [x[0], 0] }, y: { range: () => [floor, 0.05] } },
    axes: [axis(power, { size: 32, splits: decades }), axis(power, { size: 52, splits: decades })],
    series: [
      {},
      line("series", { width: 0 }), line("series", { width: 0 }),
      line("muted", { width: 1.4, dash: [5, 5] }),
      line("series", { width: 2.2 }),
    ],
    bands: [{ series: [1, 2], fill: () => colour("series", 0.18) }],
  });
  byId("calibration-legend").append(
    ...key("line", "share of events with a p-value at most this low"),
    ...key("band", "its 95% interval"),
    ...key("even", "what it should be"),
    note(told.labelled ? "Of the events labelled normal." : "Of all events, so real anomalies lift the left end."),
  );
}

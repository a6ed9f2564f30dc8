// The chart of scores: what is usual, from lowest to highest, the threshold, and the alerts.

import { Buckets } from "./buckets.js";
import { whenColoursChange } from "./colours.js";
import { byId, choices, h } from "./dom.js";
import { HEIGHT, chart } from "./score_chart.js";
import { hideTip, showTip } from "./tip.js";

const uPlot = globalThis.uPlot;
const AXES = [
  ["auto", "Auto"],
  ["linear", "Linear"],
  ["log", "Log"],
];
const LEGEND = [
  ["line", "typical score, in nats "],
  ["band", "from lowest to highest "],
  ["dash", "alerts from here on "],
  ["spot", "alerts"],
];

export function startScores(openAlert) {
  const box = byId("scores");
  let axis = "auto";
  let log = false;
  let model = "";
  let buckets = new Buckets(300);
  let plot = null;

  const wide = () => Math.max(box.clientWidth, 200);
  const points = () => Math.max(60, Math.min(360, Math.floor(box.clientWidth / 3)));

  function clear(view) {
    model = view.model;
    buckets = new Buckets(view.span);
    hideTip();
    draw();
  }

  function add(told) {
    buckets.add(told);
    draw();
  }

  function draw() {
    const wanted = axis === "auto" ? buckets.wantLog(log) : axis === "log";
    if (plot === null || wanted !== log) {
      log = wanted;
      plot?.destroy();
      plot = new uPlot(
        chart(wide(), () => buckets, log, hover),
        buckets.columns(),
        box,
      );
    } else {
      plot.setData(buckets.columns());
    }
    box.dataset.drawn = `${buckets.span}/${buckets.shown.length}`;
  }

  function hover() {
    const bucket = buckets.shown[plot.cursor.idx];
    if (plot.cursor.left < 0 || !bucket?.count) {
      hideTip();
      return;
    }
    const at = plot.over.getBoundingClientRect();
    const view = { model, span: buckets.span, points: points() };
    showTip(bucket, view, buckets.width, at.left + plot.cursor.left, at.top + 8);
  }

  // Moves the cursor to the next bucket that has events.
  function step(by) {
    const { shown } = buckets;
    let next = (plot.cursor.idx ?? shown.length) + by;
    while (shown[next] && !shown[next].count) next += by;
    if (shown[next]) plot.setCursor({ left: plot.valToPos(buckets.middle(shown[next]), "x"), top: 10 });
  }

  function openHere() {
    const bucket = buckets.shown[plot.cursor.idx];
    if (bucket?.alerts) openAlert(bucket.strangest?.id);
  }

  box.addEventListener("click", openHere);
  box.addEventListener("blur", hideTip);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") openHere();
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  choices(byId("axis"), AXES, axis, (value) => {
    axis = value;
    draw();
  });
  byId("scores-legend").append(
    ...LEGEND.flatMap(([kind, text]) => [h("span", { class: `key ${kind}` }), text]),
  );
  new ResizeObserver(() => plot?.setSize({ width: wide(), height: HEIGHT })).observe(box);
  whenColoursChange(() => plot?.redraw(false));
  return { add, clear, points };
}

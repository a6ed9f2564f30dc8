// What all charts of a report share: colours of the style sheet, the width of their box, the tip.

import { style } from "../../assets/axes.js";
import { colour, whenColoursChange } from "../../assets/colours.js";
import { byId, h } from "../../assets/dom.js";

const uPlot = globalThis.uPlot;

export const key = (kind, text) => [h("span", { class: "item" }, h("span", { class: `key ${kind}` }), text), " "];

export const note = (text, kind = "note") => h("span", { class: kind }, text);

export const line = (name, more = {}) => ({
  stroke: () => colour(name),
  width: 1.6,
  points: { show: false },
  ...more,
});

export const axis = (values, more = {}) => ({ ...style(), values: (_, splits) => values(splits), ...more });

// Dots at [x, y], those within the chart; where there are many they are small.
export function dots(plot, places, name, radius = places.length > 300 ? 2 : 3.5) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - radius * ratio, bbox.width, bbox.height + 2 * radius * ratio);
  ctx.clip();
  ctx.fillStyle = colour(name);
  ctx.strokeStyle = colour("panel");
  ctx.lineWidth = radius > 2 ? ratio : 0.5 * ratio;
  for (const [x, y] of places) {
    if (x < plot.scales.x.min || x > plot.scales.x.max) continue;
    ctx.beginPath();
    ctx.arc(plot.valToPos(x, "x", true), plot.valToPos(y, "y", true), radius * ratio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

// A chart in a box, as wide as that. `tip` gives the nodes to show at an index, or null.
export function chart(box, { height, data, tip, ...options }) {
  const width = () => Math.max(box.clientWidth, 200);
  const { hooks = {}, cursor = {}, ...rest } = options;
  const plot = new uPlot({
    width: width(), height, legend: { show: false }, padding: [10, 12, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, ...cursor },
    hooks: { ...hooks, setCursor: tip ? [(told) => show(told, tip)] : [] },
    ...rest,
  }, data, box);
  const sized = new ResizeObserver(() => plot.root.isConnected && plot.setSize({ width: width(), height }));
  sized.observe(box);
  whenColoursChange(() => plot.root.isConnected && plot.redraw(false));
  return plot;
}

function show(plot, tip) {
  const element = byId("tip");
  const { left, idx } = plot.cursor;
  const nodes = left >= 0 && idx !== null && idx !== undefined ? tip(idx) : null;
  element.hidden = nodes === null;
  if (nodes === null) return;
  element.replaceChildren(...nodes);
  const at = plot.over.getBoundingClientRect();
  const x = at.left + left;
  const wide = element.offsetWidth;
  const beside = x + 16 + wide < innerWidth ? x + 16 : x - wide - 16;
  element.style.left = `${Math.max(8, beside) + scrollX}px`;
  element.style.top = `${at.top + 8 + scrollY}px`;
}

export const hideTip = () => { byId("tip").hidden = true; };

// What is under the pointer in the chart: the bucket, and the strangest event in it.

import { ask } from "./api.js";
import { byId, h } from "./dom.js";
import { event as eventTable } from "./event.js";
import { duration, moment, number } from "./words.js";

const PATIENCE = 150;
const known = new Map();
let pending = null;
let current = null;

export function hideTip() {
  clearTimeout(pending);
  current = null;
  byId("tip").hidden = true;
}

export function showTip(bucket, view, width, left, top) {
  const key = `${view.model}/${width}/${bucket.start}/${bucket.strangest?.id}`;
  if (current !== key) {
    current = key;
    fill(bucket, width, known.get(key));
    clearTimeout(pending);
    if (!known.has(key)) pending = setTimeout(() => fetchEvent(key, bucket, view, width), PATIENCE);
  }
  place(left, top);
}

function fill(bucket, width, found) {
  const more = bucket.alerts
    ? h("b", { class: "alert-word" }, `${number(bucket.alerts, 15)} alert${bucket.alerts > 1 ? "s" : ""}`)
    : "no alert";
  const { strangest } = bucket;
  byId("tip").replaceChildren(
    h("b", {}, moment(new Date(bucket.start * 1000))),
    ` ${duration(width)}, ${number(bucket.count, 15)} events, `,
    more,
    h(
      "dl",
      {},
      h("dt", {}, "scores"),
      h("dd", {}, `${number(bucket.low)} to ${number(bucket.high)}, typical ${number(bucket.typical)}`),
      h("dt", {}, "threshold"),
      h("dd", {}, bucket.threshold === null ? "none in warm-up" : number(bucket.threshold)),
      h("dt", {}, "strangest"),
      h("dd", {}, strangest ? `${strangest.key ?? ""} ${strangest.id}` : "–"),
    ),
    found?.event ? eventTable(found.event, 8) : "",
  );
  byId("tip").hidden = false;
}

async function fetchEvent(key, bucket, view, width) {
  try {
    const found = await ask("strangest", { ...view, start: bucket.start });
    if (found.id !== bucket.strangest?.id) return;
    if (known.size > 500) known.clear();
    known.set(key, found);
    if (current === key) fill(bucket, width, found);
  } catch {
    known.set(key, null); // it has left the record: what the bucket says is all there is
  }
}

function place(left, top) {
  const tip = byId("tip");
  const wide = tip.offsetWidth;
  const beside = left + 16 + wide < innerWidth ? left + 16 : left - wide - 16;
  tip.style.left = `${Math.max(8, beside) + scrollX}px`;
  tip.style.top = `${Math.max(8, Math.min(top, innerHeight - tip.offsetHeight - 8)) + scrollY}px`;
}

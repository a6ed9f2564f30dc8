// Reasons as bars: the value against the range in which it would be usual.

import { h } from "./dom.js";
import { forward } from "./scales.js";
import { percent, quantity } from "./words.js";

export function reasons(all, fields) {
  return h("ol", { class: "bars" }, ...all.map((one) => reason(one, fields.find(({ name }) => name === one.feature))));
}

function reason(one, field) {
  return h("li", {},
    h("div", { class: "bar-head" }, h("b", {}, one.feature), h("span", { class: "hint" }, `${percent(one.share)} of the distance`)),
    field?.kind === "number" && typeof one.value === "number" ? bar(one, field) : null,
    h("p", {}, one.text));
}

// The scale is the model's, so that a logarithm shows as one.
function bar(one, field) {
  const [value, expected, low, high] = [one.value, one.expected, one.low, one.high].map((each) => forward(field.transform, each));
  const least = Math.min(value, low);
  const most = Math.max(value, high);
  const room = 0.08 * (most - least) || 1;
  const at = (position) => (100 * (position - least + room)) / (most - least + 2 * room);
  const outside = value < low || value > high;
  const range = placed(h("i", { class: "range" }), at(low));
  range.style.width = `${at(high) - at(low)}%`;
  return h("div", { class: "bar", role: "img", "aria-label": `${one.feature}: ${one.text}` },
    range,
    placed(h("i", { class: "expected" }), at(expected)),
    placed(h("i", { class: outside ? "value outside" : "value" }), at(value)),
    label(quantity(one.value, field.unit), at(value), outside ? "above outside" : "above"),
    label(quantity(one.low, field.unit), at(low), "below"),
    Math.abs(at(high) - at(low)) > 14 ? label(quantity(one.high, field.unit), at(high), "below") : null);
}

function placed(element, percentage) {
  element.style.left = `${percentage}%`;
  return element;
}

const label = (text, percentage, kind) => {
  const side = percentage > 85 ? "end" : percentage < 15 ? "start" : "middle";
  return placed(h("span", { class: `${kind} ${side}` }, text), percentage);
};

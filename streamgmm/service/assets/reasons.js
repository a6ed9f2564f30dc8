// Reasons as bars: the value against the range in which it would be usual.

import { h } from "./dom.js";
import { forward, partOfCycle } from "./scales.js";
import { percent, quantity } from "./words.js";

const RAREST = 1e-5;

// `shares` are those of the events that had the categories, by feature.
export function reasons(all, fields, shares) {
  return h(
    "ol",
    { class: "bars" },
    ...all.map((one) =>
      reason(
        one,
        fields.find(({ name }) => name === one.feature),
        shares,
      ),
    ),
  );
}

function reason(one, field, shares) {
  return h(
    "li",
    {},
    h(
      "div",
      { class: "bar-head" },
      h("b", {}, one.feature),
      h("span", { class: "hint" }, `${percent(one.share)} of the distance`),
    ),
    picture(one, field, shares),
    h("p", {}, one.text),
  );
}

function picture(one, field, shares) {
  if (field?.kind === "number")
    return bar(
      one,
      (each) => forward(field.transform, each),
      (each) => quantity(each, field.unit),
    );
  // Rarer is further to the left; what was never seen is at the left end.
  if (field?.kind === "category") {
    return bar(
      { ...one, value: shares[one.feature] ?? 0 },
      (share) => Math.log(Math.max(share, RAREST)),
      (share) => percent(share),
    );
  }
  return field?.kind === "time" && one.low !== null ? ofCycle(one) : null;
}

// The scale is the model's, so that a logarithm shows as one.
function bar(one, scale, words) {
  const [value, expected, low, high] = [one.value, one.expected, one.low, one.high].map(scale);
  const least = Math.min(value, low);
  const most = Math.max(value, high);
  const room = 0.08 * (most - least) || 1;
  const at = (position) => (100 * (position - least + room)) / (most - least + 2 * room);
  const outside = value < low || value > high;
  const range = placed(h("i", { class: "range" }), at(low));
  range.style.width = `${at(high) - at(low)}%`;
  return h(
    "div",
    { class: "bar", role: "img", "aria-label": `${one.feature}: ${one.text}` },
    range,
    placed(h("i", { class: "expected" }), at(expected)),
    placed(h("i", { class: outside ? "value outside" : "value" }), at(value)),
    label(words(one.value), at(value), outside ? "above outside" : "above"),
    label(words(one.low), at(low), "below"),
    Math.abs(at(high) - at(low)) > 14 ? label(words(one.high), at(high), "below") : null,
  );
}

// A day or a week from left to right; a range that passes its end goes on at the beginning.
function ofCycle(one) {
  const [value, expected, low, high] = [one.value, one.expected, one.low, one.high].map(
    (clock) => 100 * partOfCycle(clock),
  );
  const pieces =
    low <= high
      ? [[low, high]]
      : [
          [0, high],
          [low, 100],
        ];
  const outside = pieces.every(([from, to]) => value < from || value > to);
  return h(
    "div",
    { class: "bar", role: "img", "aria-label": `${one.feature}: ${one.text}` },
    ...pieces.map(([from, to]) => {
      const range = placed(h("i", { class: "range" }), from);
      range.style.width = `${to - from}%`;
      return range;
    }),
    placed(h("i", { class: "expected" }), expected),
    placed(h("i", { class: outside ? "value outside" : "value" }), value),
    label(one.value, value, outside ? "above outside" : "above"),
    label(one.low, low, "below"),
    Math.abs(high - low) > 8 ? label(one.high, high, "below") : null,
  );
}

function placed(element, percentage) {
  element.style.left = `${percentage}%`;
  return element;
}

const label = (text, percentage, kind) => {
  const side = percentage > 85 ? "end" : percentage < 15 ? "start" : "middle";
  return placed(h("span", { class: `${kind} ${side}` }, text), percentage);
};

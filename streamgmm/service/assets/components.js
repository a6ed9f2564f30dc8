// The components as a list, heaviest first; each opens to its ranges.

import { ofComponent } from "./colours.js";
import { byId, h, setText } from "./dom.js";
import { markInPlane } from "./plane.js";
import { STANDING, percent } from "./words.js";

export function startComponents() {
  const box = byId("components");
  let known = new Map();

  function show({ components, changes }) {
    const before = new Map((changes?.moved ?? []).map((one) => [one.component, one.weight[0]]));
    const kept = new Map();
    for (const one of components) {
      const entry = known.get(one.id) ?? build(one);
      kept.set(one.id, entry);
      update(entry, one, before.get(one.component));
    }
    known = kept;
    const elements = [...kept.values()].map(({ element }) => element);
    const same =
      elements.length === box.children.length && elements.every((one, i) => one === box.children[i]);
    if (!same) box.replaceChildren(...elements);
  }

  function build({ id, component }) {
    const parts = {
      bar: h("i"),
      share: h("b", { class: "number" }),
      change: h("span", { class: "hint number" }),
      standing: h("span", { class: "hint" }),
      ranges: h("dl"),
    };
    const mark = (on) => () => markInPlane(on ? id : null);
    const element = h(
      "details",
      { class: `component ${ofComponent(component)}`, onmouseenter: mark(true), onmouseleave: mark(false) },
      h(
        "summary",
        {},
        h("span", { class: "swatch" }, String(component)),
        h("span", { class: "weight" }, parts.bar),
        parts.share,
        parts.change,
        parts.standing,
      ),
      parts.ranges,
    );
    return { element, ...parts };
  }

  function update(entry, one, before) {
    entry.bar.style.width = `${100 * one.weight}%`;
    setText(entry.share, percent(one.weight));
    const change = before === undefined ? null : Math.round(100 * (one.weight - before));
    setText(
      entry.change,
      change === null ? "new" : change === 0 ? "" : `${change > 0 ? "+" : "−"}${Math.abs(change)}`,
    );
    setText(entry.standing, STANDING[one.standing]);
    entry.element.classList.toggle("unestablished", one.standing === "rare" || one.standing === "partly");
    const texts = one.features.flatMap(({ feature, text }) => [feature, text]);
    if (entry.ranges.children.length !== texts.length) {
      entry.ranges.replaceChildren(...texts.map((text, i) => h(i % 2 ? "dd" : "dt", {}, text)));
    } else texts.forEach((text, i) => setText(entry.ranges.children[i], text));
  }

  return { show };
}

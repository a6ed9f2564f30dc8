// An event's members as a small table.

import { h } from "./dom.js";

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

export function event(members, most = 60) {
  const all = Object.entries(members);
  const rows = all
    .slice(0, most)
    .map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, shown(value))));
  const more =
    all.length > most ? h("tr", {}, h("th", {}, "…"), h("td", {}, `${all.length - most} more`)) : null;
  return h("table", { class: "event" }, h("tbody", {}, rows, more));
}

// Alerts as rows that open to their reasons; by severity, or in the order of time.

import { byId, choices, h } from "../../assets/dom.js";
import { event as eventTable } from "../../assets/event.js";
import { reasons } from "../../assets/reasons.js";
import { number } from "../../assets/words.js";
import { momentOf } from "./utc.js";

const [FIRST, MORE] = [15, 50];
const ORDERS = [["severity", "By severity"], ["time", "By time"]];
const TRUTHS = [["all", "All"], ["false", "False alarms"], ["found", "Anomalies"]];

export function alerts(told, fields, labelled) {
  const body = byId("rows");
  const rows = told.rows.map((one) => ({ told: one, element: build(one, fields, labelled) }));
  let [allowed, order, truth] = [FIRST, "severity", "all"];

  const text = ({ key, reason, id }) => `${key ?? ""} ${reason} ${id}`.toLowerCase();
  const matches = ({ told: one }) =>
    text(one).includes(byId("find").value.trim().toLowerCase()) && (truth === "all" || one[truth] > 0);

  function show() {
    const byTime = (a, b) => place(a.told) - place(b.told);
    const found = (order === "time" ? rows.toSorted(byTime) : rows).filter(matches);
    body.replaceChildren(...found.slice(0, allowed).map(({ element }) => element));
    byId("more").hidden = found.length <= allowed;
    byId("more").textContent = `Show more (${found.length - allowed})`;
    byId("no-rows").hidden = found.length > 0;
    byId("no-rows").textContent = rows.length ? "None of these." : "No alert.";
  }

  // Opens the row that has an event's alert.
  function open(id) {
    const has = ({ told: one }) => one.id === id || one.records.some(({ record }) => record.id === id);
    const element = rows.find(has)?.element;
    if (!element) return;
    if (!element.isConnected) body.prepend(element);
    element.open = true;
    element.firstChild.focus();
    element.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  byId("more").addEventListener("click", () => {
    allowed += MORE;
    show();
  });
  byId("find").addEventListener("input", show);
  choices(byId("order"), ORDERS, order, (value) => {
    order = value;
    show();
  });
  byId("truth").hidden = !labelled;
  byId("last-title").textContent = labelled ? "Label" : "";
  choices(byId("truth"), TRUTHS, truth, (value) => {
    truth = value;
    show();
  });
  byId("let-go").hidden = !told.let_go;
  byId("let-go").append(
    `${number(told.let_go, 15)} more alerts, less severe than these, are not listed; `,
    h("code", {}, "--alerts FILE"),
    ` writes all ${number(told.count, 15)}.`,
  );
  show();
  return { open };
}

// The line of its first alert, which is where it stands if events have no time.
const lineOf = (one) => Number(one.records.at(-1).record.id.split("-").at(-1));
const place = (one) => (one.first_time ? Date.parse(one.first_time) : lineOf(one));
const whenOf = (one) => (one.first_time ? momentOf(one.first_time) : `line ${number(lineOf(one), 15)}`);

function build(one, fields, labelled) {
  const detail = h("div", { class: "detail" });
  const grave = one.severity >= 60 ? "grave" : "";
  const line = h("summary", { class: "row" },
    h("span", { class: "time", title: one.first_time }, whenOf(one)),
    h("span", { class: "severity" }, h("b", { class: `chip ${grave}` }, number(one.severity, 2))),
    h("span", { class: "key-cell", title: one.key }, one.key ?? "–"),
    h("span", { class: "reason", title: one.reason }, one.reason),
    h("span", { class: "number count", "data-unit": one.count === 1 ? "alert" : "alerts" }, number(one.count, 15)),
    h("span", { class: "standing" }, labelled ? badge(one) : ""));
  const element = h("details", { class: "entry", "data-id": one.id }, line, detail);
  element.addEventListener("toggle", () => {
    if (element.open && !detail.children.length) detail.append(...opened(one, fields));
  });
  return element;
}

function badge({ count, found, false: fell }) {
  if (found && fell) return h("b", { class: "badge" }, `${number(found, 15)} of ${number(count, 15)} anomalies`);
  if (found) return h("b", { class: "badge found" }, "anomaly");
  return fell ? h("b", { class: "badge false" }, "false alarm") : h("b", { class: "badge" }, "not labelled");
}

function opened(one, fields) {
  const span = one.time ? `from ${momentOf(one.first_time)} to ${momentOf(one.time)}` : `from ${whenOf(one)} on`;
  const says = one.incident
    ? `Incident ${one.id}: ${number(one.count, 15)} alerts ${span}, which one new behaviour explains.`
    : "A single alert: no new behaviour explains it.";
  const body = h("div", { class: "why" });
  const show = (shown) => body.replaceChildren(...why(shown, fields));
  show(one.records[0]);
  const which = h("div", { class: "choices" });
  const both = [[0, "Its most severe"], [1, "Its first"]];
  if (one.records.length > 1) choices(which, both, 0, (i) => show(one.records[i]));
  return [h("div", { class: "says" }, h("span", {}, says), which), body];
}

function why({ record, shares }, fields) {
  const at = record.time ? `${momentOf(record.time)}, ` : "";
  const empty = (...words) => h("p", { class: "empty" }, ...words);
  return [
    h(
      "div",
      { class: "reasons" },
      h("h3", {}, "Why"),
      record.reasons.length
        ? reasons(record.reasons, fields, shares)
        : empty("No single feature stands out."),
    ),
    h(
      "div",
      {},
      h("h3", {}, "The event"),
      h("p", { class: "hint" }, `${record.id}, ${at}score ${number(record.score)} nats`),
      record.event
        ? eventTable(record.event)
        : empty("Too large to be kept here; ", h("code", {}, "--alerts FILE"), " writes it."),
    ),
  ];
}

// Incidents and alerts as rows: the incidents that are open, then all else, the latest first. While
// somebody is in the table nothing jumps: what is new waits behind a button.

import { ask } from "./api.js";
import { byId, choices, h, setText } from "./dom.js";
import { startDetail } from "./detail.js";
import { moment, number } from "./words.js";

const STANDINGS = [
  ["open", "Open"],
  ["all", "All"],
];
const MOST = 300;
const [FIRST, MORE] = [12, 50];
const WORDS = { alert: "alert", open: "new behaviour", closed: "over", accepted: "accepted", muted: "muted" };
const OPEN = new Set(["alert", "open"]);

export function startTable(about) {
  const body = byId("rows");
  const table = body.closest(".table");
  const held = byId("held");
  const detail = startDetail(about);
  let rows = new Map(); // by id: what is known, and its elements
  let waiting = [];
  let standing = "open";
  let opened = null;
  let allowed = FIRST;
  let models = [];

  const pointer = matchMedia("(hover: hover)");
  const busy = () => (pointer.matches && table.matches(":hover")) || table.contains(document.activeElement);
  const matches = ({ told }) => {
    const text = byId("find").value.trim().toLowerCase();
    const inText = !text || `${told.key ?? ""} ${told.reason} ${told.id}`.toLowerCase().includes(text);
    return inText && (standing === "all" || OPEN.has(told.standing) || told.id === opened);
  };

  function clear() {
    close();
    rows = new Map();
    waiting = [];
    allowed = FIRST;
    body.replaceChildren();
    note();
  }

  // Rows come latest first; those that are there already are brought up to date in place. At first
  // all there are come, and what is not among them is no more: the service was started anew.
  function add(told, first, present) {
    models = present;
    if (first) drop(new Set(told.map(({ id }) => id)));
    for (const one of told) {
      const known = rows.get(one.id);
      if (known) update(known, one);
    }
    const fresh = told.filter((one) => !rows.has(one.id));
    if (first || !busy()) insert([...waiting.splice(0), ...fresh]);
    else waiting = [...fresh, ...waiting.filter((one) => !fresh.some(({ id }) => id === one.id))];
    note();
  }

  function drop(kept) {
    for (const { told, element } of [...rows.values()]) {
      if (kept.has(told.id)) continue;
      if (told.id === opened) close();
      element.remove();
      rows.delete(told.id);
    }
  }

  function insert(fresh) {
    for (const one of fresh) {
      const known = rows.get(one.id);
      if (known) update(known, one);
      else rows.set(one.id, build(one));
    }
    const order = (one) => (one.told.standing === "open" && models.includes(one.told.model) ? Infinity : 0);
    const sorted = [...rows.values()].sort((a, b) =>
      order(b) === order(a) ? b.told.place - a.told.place : order(b) - order(a),
    );
    for (const { told, element } of sorted.slice(MOST)) {
      if (told.id === opened) continue;
      element.remove();
      rows.delete(told.id);
    }
    let at = body.firstElementChild;
    for (const { told, element } of sorted) {
      if (!rows.has(told.id)) continue;
      if (element === at) at = at.nextElementSibling;
      else body.insertBefore(element, at);
    }
  }

  function note() {
    held.hidden = !waiting.length;
    setText(held, `${waiting.length} new`);
    let shown = 0;
    for (const element of body.children) {
      const row = rows.get(element.dataset.id);
      const visible = matches(row);
      element.hidden = !visible || (shown >= allowed && row.told.id !== opened);
      shown += visible;
    }
    const more = byId("more");
    more.hidden = shown <= allowed;
    setText(more, `Show more (${shown - allowed})`);
    const empty = byId("no-rows");
    empty.hidden = shown > 0;
    setText(
      empty,
      rows.size ? "None of these; there are others under “All”, or without the search." : "No alert so far.",
    );
  }

  function build(told) {
    const cells = {
      time: h("span", { role: "cell", class: "time" }),
      severity: h("span", { role: "cell", class: "severity" }),
      key: h("span", { role: "cell", class: "key-cell" }),
      reason: h("span", { role: "cell", class: "reason" }),
      count: h("span", { role: "cell", class: "number count" }),
      standing: h("span", { role: "cell", class: "standing" }),
    };
    const line = h(
      "div",
      { class: "row", role: "row", tabindex: "0", "aria-expanded": "false" },
      ...Object.values(cells),
    );
    const row = { told, cells, line, element: h("div", { class: "entry", "data-id": told.id }, line) };
    line.addEventListener("click", () => toggle(told.id));
    line.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") step(1);
      else if (event.key === "ArrowUp") step(-1);
      else if (event.key === "Enter" || event.key === " ") toggle(told.id);
      else return;
      event.preventDefault();
    });
    update(row, told);
    return row;
  }

  function update(row, told) {
    row.told = told;
    const { cells } = row;
    const grave = told.severity >= 60 ? "grave" : "";
    setText(cells.time, told.first_time ? moment(new Date(told.first_time)) : "–");
    cells.time.title = told.first_time ? `${told.first_time} to ${told.time}` : "the event has no time";
    cells.severity.replaceChildren(
      h("b", { class: `chip ${grave}` }, told.severity === null ? "–" : number(told.severity, 2)),
    );
    setText(cells.key, told.key ?? (told.several_keys ? "several" : "–"));
    cells.key.title = told.key ?? "";
    setText(cells.reason, told.reason);
    cells.reason.title = told.reason;
    setText(cells.count, number(told.count + told.muted, 15));
    cells.count.dataset.unit = told.count + told.muted === 1 ? "event" : "events";
    cells.standing.replaceChildren(
      h("b", { class: `badge ${told.standing}` }, told.together ? "alerts" : (WORDS[told.standing] ?? told.standing)),
    );
    if (told.id === opened) detail.update(told);
  }

  function close() {
    const row = rows.get(opened);
    opened = null;
    if (!row) return;
    row.line.setAttribute("aria-expanded", "false");
    row.element.classList.remove("opened");
    detail.element.remove();
  }

  function toggle(id) {
    const again = id === opened;
    close();
    const row = rows.get(id);
    if (again || !row) return;
    opened = id;
    row.line.setAttribute("aria-expanded", "true");
    row.element.classList.add("opened");
    row.element.append(detail.element);
    detail.show(row.told);
    note();
  }

  // Opens the alert of an event: its own row, or that of the incident that has it.
  async function open(event) {
    insert(waiting.splice(0));
    const id = rows.has(event) ? event : (await ask("row", { id: event }).catch(() => null))?.row.id;
    const row = rows.get(id);
    if (!row) return;
    if (id !== opened) toggle(id);
    row.line.focus();
    row.element.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  function step(by) {
    const lines = [...body.querySelectorAll(".entry:not([hidden]) > .row")];
    const at = lines.indexOf(document.activeElement?.closest(".entry")?.querySelector(".row"));
    const next = lines[at < 0 ? 0 : Math.max(0, Math.min(at + by, lines.length - 1))];
    next?.focus();
  }

  held.addEventListener("click", () => {
    insert(waiting.splice(0));
    note();
  });
  byId("more").addEventListener("click", () => {
    allowed += MORE;
    note();
  });
  byId("find").addEventListener("input", note);
  choices(byId("standing"), STANDINGS, standing, (value) => {
    standing = value;
    note();
  });
  return { add, clear, close, open, step };
}

// An opened row: what can be said of it, why, the event, and the component that is nearest.

import { ask, command } from "./api.js";
import { h, setText } from "./dom.js";
import { event as eventTable } from "./event.js";
import { reasons } from "./reasons.js";
import { STANDING, moment, number, percent } from "./words.js";

// What alerts that no incident gathers have in common.
const TOGETHER = {
  key: (row) => `all of ${row.key}`,
  reason: () => "with the same first reason, near the same component",
  both: (row) => `all of ${row.key}, with the same first reason, near the same component`,
};

const DONE = {
  accept: "Accepted: its behaviour counts as normal from now on.",
  mute: "Muted: its events are counted, and no alerts any more.",
  unmute: "Its events are alerts again.",
};

export function startDetail(about) {
  const element = h("div", { class: "detail" });
  let row = null;

  async function show(told) {
    row = told;
    element.replaceChildren(h("p", { class: "hint" }, "…"));
    try {
      const found = await ask("row", { id: told.id });
      if (row.id === told.id) fill(found);
    } catch (error) {
      element.replaceChildren(h("p", { class: "empty" }, error.message));
    }
  }

  function fill({ records, component }) {
    const body = h("div", { class: "why" });
    const parts = [head()];
    if (records.length > 1) parts.push(picker(records, (one) => body.replaceChildren(...told(one, about))));
    parts.push(body);
    if (records.length) body.replaceChildren(...told(records[0], about));
    else
      body.replaceChildren(
        h(
          "p",
          { class: "empty" },
          "Its alerts came before this page’s record began: they are in the alerts that went out.",
        ),
        nearest(component),
      );
    element.replaceChildren(...parts);
  }

  function head() {
    if (row.standing === "alert") return h("p", { class: "says" }, alone());
    const line = h("div", { class: "says" });
    renew(line);
    return line;
  }

  function renew(line) {
    const words = h("span", {}, sentence());
    const outcome = h("span", { class: "outcome", role: "status" });
    line.replaceChildren(words, h("span", { class: "actions" }, ...actions(outcome)), outcome);
  }

  const when = () => {
    const at = (time) => moment(new Date(time));
    return row.first_time ? ` since ${at(row.first_time)}, the latest at ${at(row.time)}` : "";
  };

  function alone() {
    if (!row.together) return "A single alert: no new behaviour explains it.";
    const count = number(row.count, 15);
    return `${count} alerts${when()}, no minute apart, ${TOGETHER[row.together](row)}. No new behaviour explains them.`;
  }

  function sentence() {
    const muted = row.muted ? `, and ${number(row.muted, 15)} events while muted` : "";
    return `Incident ${row.id}: one new behaviour, ${number(row.count, 15)} alerts${when()}${muted}.`;
  }

  function actions(outcome) {
    if (row.standing === "accepted") return [h("span", { class: "hint" }, "Accepted as normal.")];
    if (!about.commands)
      return [h("span", { class: "hint" }, "To accept or mute it the job needs a service.token.")];
    const act = (name, label, title) =>
      h(
        "button",
        {
          type: "button",
          title,
          onclick: async (event) => {
            event.target.disabled = true;
            setText(outcome, "…");
            try {
              const answer = await command(`incidents/${encodeURIComponent(row.id)}/${name}`);
              setText(outcome, DONE[name] + (answer.saved ? " Saved." : ` ${answer.note ?? ""}`));
            } catch (error) {
              setText(outcome, error.message);
            }
            event.target.disabled = false;
          },
        },
        label,
      );
    return [
      act(
        "accept",
        "Accept as normal",
        "Its behaviour counts as normal from now on; there is no way back but an older checkpoint",
      ),
      row.standing === "muted"
        ? act("unmute", "Unmute", "Its events are alerts again")
        : act("mute", "Mute", "Its events are counted, and no alerts any more"),
    ];
  }

  // Brings the line at the top up to date; the rest stays as it was opened.
  function update(told) {
    const before = row;
    row = told;
    const single = element.querySelector("p.says");
    if (single) setText(single, alone());
    const line = element.querySelector("div.says");
    if (!line) return;
    if (before.standing !== told.standing) {
      const outcome = line.querySelector(".outcome").textContent;
      renew(line);
      setText(line.querySelector(".outcome"), outcome);
      return;
    }
    setText(line.firstChild, sentence());
  }

  return { element, show, update };
}

function picker(records, choose) {
  const label = ({ record }, i) =>
    `${i === 0 ? "strangest: " : ""}${record.time ? moment(new Date(record.time)) : record.id}, ${record.key ?? "no key"}, severity ${number(record.severity, 2)}`;
  const select = h(
    "select",
    { onchange: () => choose(records[select.value]) },
    ...records.map((one, i) => h("option", { value: String(i) }, label(one, i))),
  );
  return h("label", { class: "pick" }, "Alert ", select);
}

function told({ record, component, shares }, about) {
  return [
    h(
      "div",
      { class: "reasons" },
      h("h3", {}, "Why"),
      record.reasons.length
        ? reasons(record.reasons, about.fields, shares)
        : h("p", { class: "empty" }, "No single feature stands out."),
      nearest(component),
    ),
    h(
      "div",
      {},
      h("h3", {}, "The event"),
      h("p", { class: "hint" }, `${record.id}, score ${number(record.score)} nats`),
      record.event
        ? eventTable(record.event)
        : h("p", { class: "empty" }, "Too large to be kept here; it is in the alert that went out."),
    ),
  ];
}

function nearest(component) {
  if (!component)
    return h("p", { class: "hint" }, "Its nearest component has since merged with another or retired.");
  return h(
    "div",
    { class: "nearest" },
    h("h3", {}, `Nearest: component ${component.component}`),
    h(
      "p",
      { class: "hint" },
      `${percent(component.weight)} of the traffic, ${STANDING[component.standing]}; its ranges as of now`,
    ),
    h("dl", {}, ...component.features.flatMap((one) => [h("dt", {}, one.feature), h("dd", {}, one.text)])),
  );
}

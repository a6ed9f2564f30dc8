// The state of the service in a line, and its figures as tiles.

import { byId, h, setText } from "./dom.js";
import { duration, number, percent, quantity } from "./words.js";

export function showState(health, why = null) {
  const state = byId("state");
  if (!health) {
    state.className = "lost";
    setText(byId("state-text"), why ?? "The service does not answer; trying again …");
    document.body.classList.add("stale");
    return;
  }
  document.body.classList.remove("stale");
  const { ready, reason } = health.readiness;
  state.className = ready ? "ready" : "waiting";
  setText(byId("state-text"), ready ? "Ready" : `Not ready: ${reason}`);
}

// A model has the name of its partition, or of the topic whose partitions it has.
const feeds = (partition, model) => !model || partition === model || partition.replace(/-\d+$/, "") === model;

const sum = (values) => values.reduce((total, one) => total + (one ?? 0), 0);

function figures(told, model) {
  const { health } = told;
  const own = Object.entries(health.partitions).filter(([name]) => feeds(name, model));
  const of = (name) => own.map(([, one]) => one[name]).filter((one) => one !== undefined);
  const letters = Object.entries(health.dead_letters);
  const moved = Math.max(0, ...of("moved"));
  const misfit = Math.max(0, ...of("misfit"));
  const lag = of("lag");
  return [
    [
      "Events",
      `${number(told.rate)}/s`,
      `${number(sum(of("events")), 15)} so far`,
      told.rate === 0 ? "dim" : "",
    ],
    ["Alerts", number(sum(of("alerts")), 15), "events, since the start", ""],
    lag.length ? ["Lag", number(sum(lag), 15), "events waiting", ""] : null,
    ["Models", ...readiness(health, model)],
    [
      "Drift",
      `${number(misfit, 2)} σ`,
      `misfit; moved ${percent(moved)}`,
      misfit > 5 || moved > 0.5 ? "warn" : "",
    ],
    [
      "Dead letters",
      number(sum(letters.map(([, n]) => n)), 15),
      letters.map(([reason, n]) => `${number(n, 15)} ${reason}`).join(", ") || "none",
      letters.length ? "warn" : "",
    ],
    health.checkpoint_age === null
      ? ["Checkpoint", "none", "nothing is saved yet", "dim"]
      : [
          "Checkpoint",
          duration(health.checkpoint_age),
          health.checkpoint_failures ? `old; ${number(health.checkpoint_failures)} failed` : "old",
          health.checkpoint_failures ? "warn" : "",
        ],
    ["Memory", quantity(health.memory, "B"), "of the process", ""],
  ].filter((one) => one !== null);
}

// "seen / needed" of what still warms up, or what is there.
function readiness(health, model) {
  const own = Object.entries(health.readiness.partitions).filter(([name]) => !model || name === model);
  const waiting = own.filter(([, one]) => !one.ready);
  if (waiting.length) {
    const [, one] = waiting[0];
    const more = waiting.length > 1 ? `, and ${waiting.length - 1} more` : "";
    return [
      `${number(Math.min(one.seen, one.needed), 15)} / ${number(one.needed, 15)}`,
      `seen / needed${more}`,
      "warn",
    ];
  }
  const frozen = own.filter(([name]) => health.partitions[name]?.frozen).length;
  if (frozen) return [`${frozen} frozen`, "learn nothing, as asked", "warn"];
  return [
    own.length ? `${own.length} ready` : "none",
    own.length ? `${number(sum(own.map(([, one]) => one.seen)), 15)} events seen` : "no partition assigned",
    own.length ? "" : "dim",
  ];
}

let tiles = new Map();

export function showHealth(told, model) {
  const shown = figures(told, model);
  const names = shown.map(([name]) => name);
  if (names.join() !== [...tiles.keys()].join()) {
    tiles = new Map(names.map((name) => [name, tile(name)]));
    byId("health").replaceChildren(...[...tiles.values()].map(({ element }) => element));
  }
  for (const [name, value, more, kind] of shown) {
    const { element, big, small } = tiles.get(name);
    element.className = `tile ${kind}`;
    setText(big, value);
    setText(small, more);
  }
}

function tile(name) {
  const big = h("strong");
  const small = h("small");
  return { element: h("div", { class: "tile" }, h("span", {}, name), big, small), big, small };
}

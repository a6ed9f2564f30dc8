// What was found of each kind of anomaly, as a table.

import { byId, h } from "../../assets/dom.js";
import { duration, number, percent } from "../../assets/words.js";

export function kinds(told) {
  const timed = told.some((one) => one.episodes);
  const titles = ["Kind", "Events alerted", "", ...(timed ? ["Episodes found", "", "Median delay"] : [])];
  byId("kinds").append(
    h("thead", {}, h("tr", {}, ...titles.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...told.map((one) => row(one, timed))),
  );
  if (!timed) return;
  byId("kinds-legend").textContent =
    "An episode is a run of one kind by one key, with six quiet hours before it; " +
    "its delay goes from its first event to its first alert.";
}

function row(one, timed) {
  const delay = h("td", {}, one.delay === null ? "–" : duration(one.delay));
  return h(
    "tr",
    {},
    h("td", {}, h("b", {}, one.kind)),
    ...part(one.alerted, one.events),
    ...(timed ? [...part(one.found, one.episodes), delay] : []),
  );
}

function part(some, all) {
  const bar = h("i");
  bar.style.width = `${all ? (100 * some) / all : 0}%`;
  const text = all ? `${number(some, 15)} of ${number(all, 15)} (${percent(some / all)})` : "–";
  return [h("td", {}, text), h("td", { class: "meter" }, h("span", {}, bar))];
}

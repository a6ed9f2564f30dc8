// The mixture: asked for every two seconds while it can be seen.

import { ask } from "./api.js";
import { changes } from "./changes.js";
import { startComponents } from "./components.js";
import { byId, choices, h } from "./dom.js";
import { drawPlane } from "./plane.js";
import { columnsOf } from "./scales.js";
import { startWeights } from "./weights.js";

const EVERY = 2000;

export function startMixture(about) {
  const columns = columnsOf(about.fields);
  const box = byId("mixture");
  const [x, y] = [byId("plane-x"), byId("plane-y")];
  const weights = startWeights();
  const components = startComponents();
  let model = null;
  let plane = [null, null];
  let span = "hour";
  let visible = true;
  let timer = null;
  let asked = 0;

  async function refresh() {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    let soon = EVERY;
    if (model !== null && visible && !document.hidden) {
      try {
        const told = await ask("mixture", { model, x: plane[0], y: plane[1], weights: span });
        if (mine !== asked) return;
        show(told);
        if (!told.components.length) soon = 500;
      } catch {
        // the state line says what is wrong; the next turn tries again
      }
    }
    if (mine === asked) timer = setTimeout(refresh, soon);
  }

  function show(told) {
    const there = told.components.length > 0;
    box.hidden = !there;
    byId("no-mixture").hidden = there;
    for (const one of document.querySelectorAll(".plane-choice")) one.hidden = !there;
    if (!there) return;
    if (plane[0] === null) plane = told.plane; // the automatic choice is kept, so that nothing flips
    [x.value, y.value] = told.plane;
    drawPlane(byId("plane"), told, columns);
    components.show(told);
    weights.show(told.weights);
    changes(told.changes);
  }

  function watch(name) {
    if (name === model) return;
    model = name;
    plane = [null, null];
    refresh();
  }

  function choose() {
    if (x.value === y.value) return;
    plane = [x.value, y.value];
    refresh();
  }

  for (const select of [x, y]) {
    select.append(...[...columns.keys()].map((name) => h("option", { value: name }, name)));
    select.addEventListener("change", () => {
      const other = select === x ? y : x;
      if (other.value === select.value) other.value = plane[select === x ? 0 : 1];
      choose();
    });
  }
  byId("plane-auto").addEventListener("click", () => {
    plane = [null, null];
    refresh();
  });
  choices(
    byId("weights-span"),
    [
      ["hour", "1 h"],
      ["day", "24 h"],
    ],
    span,
    (value) => {
      span = value;
      refresh();
    },
  );
  new IntersectionObserver(
    ([entry]) => {
      visible = entry.isIntersecting;
      if (visible) refresh();
    },
    { rootMargin: "400px" },
  ).observe(box.parentElement);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  return { watch };
}

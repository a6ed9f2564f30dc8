// Two columns of the model as a plane: recent events as dots, components as ellipses.

import { ofComponent } from "./colours.js";
import { svg } from "./dom.js";
import { ticks } from "./scales.js";

const [LEFT, BOTTOM, ROOM] = [64, 40, 10];
// In pixels of the screen, so that labels can be read on a phone as well.
let [WIDTH, HEIGHT] = [560, 420];
const SIGMAS = 2;
const REACH = 0.8;

export function drawPlane(element, told, columns) {
  WIDTH = Math.max(280, element.clientWidth || WIDTH);
  HEIGHT = Math.min(420, Math.round(0.8 * WIDTH));
  const [x, y] = told.plane.map((name, i) =>
    axis(told, i, columns.get(name), name, i === 0 ? WIDTH : HEIGHT),
  );
  const across = (value) => LEFT + ((WIDTH - LEFT - ROOM) * (value - x.low)) / (x.high - x.low);
  const up = (value) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - ROOM) * (value - y.low)) / (y.high - y.low);
  const inside = ([a, b]) => a >= x.low && a <= x.high && b >= y.low && b <= y.high;
  element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  element.replaceChildren(
    svg("rect", {
      class: "frame",
      x: LEFT,
      y: ROOM,
      width: WIDTH - LEFT - ROOM,
      height: HEIGHT - BOTTOM - ROOM,
    }),
    ...x.ticks.map(([at, label]) =>
      svg(
        "g",
        { class: "tick" },
        svg("line", { x1: across(at), x2: across(at), y1: ROOM, y2: HEIGHT - BOTTOM }),
        svg("text", { x: across(at), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, label),
      ),
    ),
    ...y.ticks.map(([at, label]) =>
      svg(
        "g",
        { class: "tick" },
        svg("line", { x1: LEFT, x2: WIDTH - ROOM, y1: up(at), y2: up(at) }),
        svg("text", { x: LEFT - 6, y: up(at) + 4, "text-anchor": "end" }, label),
      ),
    ),
    svg(
      "text",
      { class: "title", x: (LEFT + WIDTH - ROOM) / 2, y: HEIGHT - 6, "text-anchor": "middle" },
      cut(x.name),
    ),
    svg(
      "text",
      {
        class: "title",
        transform: `translate(12 ${(HEIGHT - BOTTOM) / 2}) rotate(-90)`,
        "text-anchor": "middle",
      },
      cut(y.name),
    ),
    svg(
      "g",
      { class: "dots" },
      ...told.points.filter(inside).map(([a, b]) => svg("circle", { cx: across(a), cy: up(b), r: 1.8 })),
    ),
    svg(
      "clipPath",
      { id: "within" },
      svg("rect", { x: LEFT, y: ROOM, width: WIDTH - LEFT - ROOM, height: HEIGHT - BOTTOM - ROOM }),
    ),
    svg("g", { "clip-path": "url(#within)" }, ...ellipses(told.components, x, y, across, up)),
    svg(
      "g",
      { class: "dots alerts" },
      ...told.alerts.map((point) => alert(point, inside(point), x, y, across, up)),
    ),
  );
}

let marked = null;

// Makes a component stand out, also when the plane is drawn again; null: none.
export function markInPlane(id) {
  marked = id;
  for (const one of document.querySelectorAll("#plane .component"))
    one.classList.toggle("marked", one.dataset.id === id);
}

const cut = (name) => (name.length > 40 ? `${name.slice(0, 39)}…` : name);
const clamped = (value, { low, high }) => Math.max(low, Math.min(high, value));

function alert(point, within, x, y, across, up) {
  const [a, b] = [across(clamped(point[0], x)), up(clamped(point[1], y))];
  return within ? svg("circle", { cx: a, cy: b, r: 3 }) : svg("path", { d: `M${a - 4} ${b + 3}h8l-4-7z` });
}

// From where to where an axis goes: all but the outermost events, and the usual components whole.
function axis(told, i, field, name, size) {
  const values = told.points.map((point) => point[i]).sort((a, b) => a - b);
  const ends = values.length
    ? [values[Math.floor(0.005 * values.length)], values[Math.ceil(0.995 * values.length) - 1]]
    : [];
  for (const { mean, covariance, weight } of told.components) {
    const spread = Math.sqrt(covariance[i === 0 ? 0 : 2]);
    if (weight > 0.01) ends.push(mean[i] - 2.2 * spread, mean[i] + 2.2 * spread);
  }
  // Alerts widen it, but may not squeeze the rest together.
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  const reach = REACH * (last - first);
  const near = told.alerts
    .map((point) => point[i])
    .filter((one) => one > first - reach && one < last + reach);
  const [least, most] = [Math.min(first, ...near), Math.max(last, ...near)];
  const room = 0.04 * (most - least) || 1;
  const [low, high] = [least - room, most + room];
  return { name, low, high, ticks: ticks(field, low, high, Math.max(3, size / 70)) };
}

// The heaviest on top; of two labels in one place only the heavier one's is written.
function ellipses(components, x, y, across, up) {
  const labels = [];
  return components
    .map((one) => {
      const at = [across(one.mean[0]), up(one.mean[1])];
      const inside = at[0] > LEFT && at[0] < WIDTH - ROOM && at[1] > ROOM && at[1] < HEIGHT - BOTTOM;
      const free = inside && labels.every(([a, b]) => Math.abs(a - at[0]) > 16 || Math.abs(b - at[1]) > 13);
      if (free) labels.push(at);
      return ellipse(one, at, [across(1) - across(0), up(1) - up(0)], free);
    })
    .reverse();
}

// In pixels the covariance is another one, and so are the ellipse's axes.
function ellipse(one, [cx, cy], [sx, sy], labelled) {
  const [a, b, c] = [one.covariance[0] * sx * sx, one.covariance[1] * sx * sy, one.covariance[2] * sy * sy];
  const [middle, half] = [(a + c) / 2, Math.hypot((a - c) / 2, b)];
  const angle = (Math.atan2(2 * b, a - c) / 2) * (180 / Math.PI);
  const colour = ofComponent(one.component);
  const kind = one.standing === "rare" || one.standing === "partly" ? "unestablished" : "established";
  const label = labelled
    ? svg("text", { class: "label", x: cx, y: cy + 4, "text-anchor": "middle" }, String(one.component))
    : null;
  return svg(
    "g",
    { class: `component ${kind} ${colour} ${one.id === marked ? "marked" : ""}`, "data-id": one.id },
    svg("title", {}, `component ${one.component}, ${one.standing}`),
    svg("ellipse", {
      rx: SIGMAS * Math.sqrt(middle + half),
      ry: SIGMAS * Math.sqrt(Math.max(middle - half, 0.01)),
      transform: `translate(${cx} ${cy}) rotate(${angle})`,
    }),
    label,
  );
}

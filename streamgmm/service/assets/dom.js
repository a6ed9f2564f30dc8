// Builds elements. Text is only ever set as text, whatever an event brought along.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const h = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A group of buttons of which one is pressed; returns how to press another.
export function choices(group, options, chosen, choose) {
  const buttons = options.map(([value, label]) =>
    h(
      "button",
      { type: "button", "aria-pressed": String(value === chosen), onclick: () => press(value) },
      label,
    ),
  );
  function press(value, tell = true) {
    options.forEach(([other], i) => buttons[i].setAttribute("aria-pressed", String(other === value)));
    if (tell) choose(value);
  }
  group.replaceChildren(...buttons);
  return press;
}

// Colours of the style sheet, as a canvas needs them: resolved for light or dark.

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);
let known = new Map();

export function colour(name, alpha = 1) {
  const key = `${name}/${alpha}`;
  if (!known.has(key)) {
    probe.style.color = `var(--${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g);
    known.set(key, `rgba(${r}, ${g}, ${b}, ${alpha})`);
  }
  return known.get(key);
}

// Of a component by its number; of one that is gone.
export const ofComponent = (number) => (number === null ? "muted" : `c${number % 10}`);

const listeners = [];
export const whenColoursChange = (listener) => listeners.push(listener);

export function forgetColours() {
  known = new Map();
  listeners.forEach((listener) => listener());
}

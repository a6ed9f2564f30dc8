// Light or dark: as the system has it, or as chosen here; the choice stays in this browser.

import { forgetColours } from "./colours.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const LABELS = { auto: "◐ Auto", light: "☀ Light", dark: "☾ Dark" };
let theme = "auto";

function apply(button) {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  button.textContent = LABELS[theme];
  forgetColours();
}

export function startTheme(button) {
  const kept = localStorage.getItem("theme");
  if (kept in NEXT) theme = kept;
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    localStorage.setItem("theme", theme);
    apply(button);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forgetColours);
  apply(button);
}

// The page by keyboard; what is typed into a field stays there.

import { byId } from "./dom.js";

export function startKeys({ spans, pressSpan, table }) {
  const keys = byId("keys-dialog");
  byId("help").addEventListener("click", () => keys.showModal());
  byId("keys-close").addEventListener("click", () => keys.close());
  const find = byId("find");
  find.addEventListener("keydown", (event) => {
    if (event.key === "Escape") find.blur();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, dialog"))
      return;
    if (event.key === "j") table.step(1);
    else if (event.key === "k") table.step(-1);
    else if (event.key === "Escape") table.close();
    else if (event.key === "t") byId("theme").click();
    else if (event.key === "?") keys.showModal();
    else if (event.key === "/") find.focus();
    else if (spans[Number(event.key) - 1]) pressSpan(spans[Number(event.key) - 1]);
    else return;
    event.preventDefault();
  });
}

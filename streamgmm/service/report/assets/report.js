// Draws a report from the data that it came with.

import { forgetColours } from "../../assets/colours.js";
import { startComponents } from "../../assets/components.js";
import { byId } from "../../assets/dom.js";
import { startTheme } from "../../assets/theme.js";
import { alerts } from "./alerts.js";
import { budget } from "./budget.js";
import { calibration } from "./calibration.js";
import { figures } from "./figures.js";
import { kinds } from "./kinds.js";
import { ranking } from "./ranking.js";
import { timeline } from "./timeline.js";

const told = JSON.parse(byId("data").textContent);
const labelled = told.figures.anomalies + told.figures.normal > 0;

try {
  startTheme(byId("theme"));
} catch (error) {
  // Within a frame that keeps nothing, as mail programs have them: then it is as the system has it.
  if (!(error instanceof DOMException)) throw error;
  byId("theme").hidden = true;
}
figures(told);
const table = alerts(told.alerts, told.fields, labelled);
timeline(told.timeline, table.open);
budget(told.days, labelled);
calibration(told.calibration);
byId("labelled").hidden = !told.kinds.length && !told.curves;
if (told.curves) ranking(told.curves, told.figures);
for (const id of ["roc", "precision"]) byId(id).closest(".panel").hidden = !told.curves;
kinds(told.kinds);
byId("no-components").hidden = told.components.length > 0;
byId("components-legend").hidden = !told.components.length;
startComponents().show({
  components: told.components,
  changes: { moved: told.components.map(({ component, weight }) => ({ component, weight: [weight] })) },
});
for (const one of document.querySelectorAll("#components details")) one.open = true;

// Paper is light.
let before = null;
addEventListener("beforeprint", () => {
  before = document.documentElement.dataset.theme ?? "";
  document.documentElement.dataset.theme = "light";
  forgetColours();
});
addEventListener("afterprint", () => {
  if (before) document.documentElement.dataset.theme = before;
  else document.documentElement.removeAttribute("data-theme");
  forgetColours();
});

// Buttons of a demonstration that cause anomalies.

import { command } from "./api.js";
import { byId, h, setText } from "./dom.js";

const WORDS = {
  burst: ["Burst", "a scan and a flood within seconds"],
  slow: ["Slow", "large uploads, a few seconds apart"],
  "new-behaviour": ["New behaviour", "a kind of traffic that was not there before, and stays for minutes"],
};

export function startDemo(attacks) {
  if (!attacks.length) return;
  byId("demo").hidden = false;
  byId("attacks").append(
    ...attacks.map((kind) => {
      const [label, meaning] = WORDS[kind] ?? [kind, kind];
      return h(
        "button",
        {
          type: "button",
          title: meaning,
          onclick: async () => {
            await command(`api/attacks/${encodeURIComponent(kind)}`);
            setText(byId("attack-told"), `Under way: ${meaning}.`);
          },
        },
        label,
      );
    }),
  );
}

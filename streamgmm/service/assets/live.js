// Follows the service's stream of server-sent events, and takes it up again when it breaks off.
// (EventSource cannot show a token, so the stream is read with fetch.)

import { Refused, streamed } from "./api.js";

const PAUSES = [500, 1000, 2000, 5000];

async function* messages(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part.slice("data: ".length));
  }
}

// Calls see(told, first) for each message and lost(why) while there is none; returns how to stop.
export function follow(parameters, see, lost) {
  const stopped = new AbortController();
  (async () => {
    for (let failures = 0; !stopped.signal.aborted; failures += 1) {
      try {
        const response = await streamed(parameters, stopped.signal);
        if (!response.ok) throw new Error((await response.json()).error);
        let first = true;
        for await (const told of messages(response)) {
          if (stopped.signal.aborted) return;
          see(told, first);
          first = false;
          failures = 0;
        }
        throw new Error("the service has ended the connection");
      } catch (error) {
        if (stopped.signal.aborted) return;
        lost(error instanceof Refused ? "No token was given. Load the page again to give one." : null);
        if (error instanceof Refused) return;
        await new Promise((resolve) => setTimeout(resolve, PAUSES[Math.min(failures, 3)]));
      }
    }
  })();
  return () => stopped.abort();
}

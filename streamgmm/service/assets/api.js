// Asks the service; shows it the token where there is one, and asks for one where that is needed.

import { byId } from "./dom.js";

// A link may bring the token along, behind a # so that it is sent nowhere.
if (location.hash.startsWith("#token=")) {
  sessionStorage.setItem("token", decodeURIComponent(location.hash.slice(7)));
  history.replaceState(null, "", location.pathname);
}

function headers() {
  const token = sessionStorage.getItem("token");
  return { "X-Streamgmm": "page", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
}

let asking = null;

// Opens the dialog; resolves to whether a token was given.
function askForToken(why) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("token-dialog");
    const input = byId("token-input");
    byId("token-why").textContent = why;
    input.value = "";
    let given = false;
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem("token", input.value);
      given = true;
      dialog.close();
    };
    byId("token-cancel").onclick = () => dialog.close();
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        resolve(given);
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

export class Refused extends Error {}

// Returns the response, once the service has accepted the token.
export async function request(path, options = {}) {
  for (;;) {
    const response = await fetch(path, { ...options, headers: headers() });
    if (response.status !== 401) return response;
    const wrong = sessionStorage.getItem("token") !== null;
    sessionStorage.removeItem("token");
    const why = wrong
      ? "The service did not accept this token. It is the one of service.token."
      : options.method === "POST"
        ? "To change what the service does it must see its token."
        : "This service shows itself only to those who have its token.";
    if (!(await askForToken(why))) throw new Refused("No token was given.");
  }
}

async function answerOf(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? `The service answered ${response.status}.`);
  return body;
}

const query = (parameters) =>
  new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null));

export const ask = async (what, parameters = {}) =>
  answerOf(await request(`api/${what}?${query(parameters)}`));

export const command = async (path) => answerOf(await request(path, { method: "POST" }));

export const streamed = (parameters, signal) => request(`api/live?${query(parameters)}`, { signal });

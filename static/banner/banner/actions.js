// What happens when somebody presses a button, ours or the page's own with the same attribute.

import { dialog, say, status } from "./block.js";
import { decide, plus, withdraw } from "./choosing.js";
import { open, ticked } from "./preferences.js";
import { loadOnce } from "./release.js";
import { state } from "./state.js";

/** @type {Record<string, (button: any) => any>} */
const actions = {
  open,
  close: () => dialog.close(),
  accept_all: () => decide({ action: "accept_all" }),
  reject_all: () => decide({ action: "reject_all" }),
  save: () => decide({ action: "save", categories: ticked("category"), services: ticked("service") }),
  withdraw,
  load: button => loadOnce(button.closest("[data-consent-placeholder]")),
  allow: ({ name, value }) =>
    decide({
      action: "save",
      categories: plus(state.categories, name === "category" && { [value]: true }),
      services: plus(state.services, name === "service" && { [value]: true }),
    }),
};

let busy = false;
/** @param {any} event */
export const choose = async event => {
  const button = event.target.closest?.("[data-consent-action]");
  const name = button?.getAttribute("data-consent-action");
  if (event.defaultPrevented || !Object.hasOwn(actions, name)) return;
  event.preventDefault();
  if (busy) return;
  busy = true;
  try {
    const saved = await actions[name]?.(button);
    if (saved?.decided) {
      say(status.dataset.saved);
      setTimeout(say, 8e3, "");
    }
  } catch {
    say(status.dataset[navigator.cookieEnabled ? "failed" : "cookies"]);
  }
  busy = false;
};

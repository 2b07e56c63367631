// `window.consent`, as consent.d.ts describes it.

import { decide, withdraw } from "./choosing.js";
import { open } from "./preferences.js";
import { granted, state } from "./state.js";

/** @typedef {import("../consent").ConsentState} State */

/** @param {string} id @returns {Promise<State>} */
const when = id =>
  new Promise(done => {
    const look = () => granted(id) && done(state);
    look();
    addEventListener("consent:change", look);
  });

export const offer = () => {
  /** @type {import("../consent").Consent} */
  const api = Object.freeze({
    get state() {
      return state;
    },
    granted,
    open,
    when,
    decide,
    withdraw,
  });
  Object.defineProperty(window, "consent", { value: api });
};

// What this visitor has decided, as the server says.

import { root } from "./block.js";

/** @typedef {import("../consent").ConsentState} State */

/** @type {State} */
export let state;
// Verdicts on services that the state does not list, because the site declares none.
/** @type {Record<string, string>} */
export let verdicts = {};
/** Another answer holds from now on. @param {string} text */
export const learn = text => {
  state = parse(text);
};
export const forgetVerdicts = () => {
  verdicts = {};
};

/** @param {string} text @returns {any} */
export const parse = text => JSON.parse(text, (_, value) => Object.freeze(value));

/** Nothing, where nobody knows it. @param {string} id */
export const decision = (id, now = state) => now.categories[id] || now.services[id] || verdicts[id];
/** @param {string} id */
export const granted = id => decision(id) === "granted";

// It bubbles up to `document`, where pages listen.
/** @param {string} name */
export const tell = name => root.dispatchEvent(new CustomEvent("consent:" + name, { bubbles: true, detail: state }));

/** @param {string} what @param {RequestInit} [options] */
export const call = async (what, options) => {
  const answer = await fetch(root.dataset.consentPath + what, options);
  const text = await answer.text();
  // the page asks for another version than the server does
  if (answer.status === 409) location.reload();
  if (!answer.ok) throw Error(text);
  return text;
};

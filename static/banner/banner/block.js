// Our block in the page: what the server put there, and its parts.

// Forms and images of a page can shadow what hangs on `document`; the prototypes are out of their reach.
/** @param {string} selector @returns {any[]} */
export const all = selector => [...Document.prototype.querySelectorAll.call(document, selector)];

/** @type {any} */
export let root;
// None where the site asks in its own way.
/** @type {any} */
export let banner;
/** @type {any} */
export let entry;
/** @type {any} */
export let dialog;
/** @type {any} */
export let status;
/** @param {string} selector @returns {any} */
export const part = selector => root.querySelector(selector);

export const isUniversal = () => root.dataset.mode === "universal";
export const isStrict = () => root.dataset.mode === "strict";
/** Whether a grant may cover services that the state does not list. */
export const isOpen = () => "open" in root.dataset;

/** @param {string} text */
export const say = text => {
  status.textContent = text;
  root.classList.remove("signal");
};

/** Whether there is a block that was not there before: a page may swap its body for another one's. */
export const find = () => {
  const found = all("#consent-root")[0];
  if (!found || found === root) return false;
  root = found;
  banner = part("#consent-banner");
  entry = part("#consent-entry");
  dialog = part("#consent-preferences");
  status = part("#consent-status");
  // While the preferences are open everything else is inert, the live region too; so it goes along.
  dialog.onclose = () => {
    root.prepend(status);
    dialog.replaceChildren();
  };
  // One question is enough: a frame of the same site leaves it to the page around it.
  try {
    root.hidden = parent !== window && !!parent.document.getElementById("consent-root");
  } catch {
    // a page of another site
  }
  return true;
};

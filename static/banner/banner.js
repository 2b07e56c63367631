// The banner's script. Everything works without it; with it, nothing needs a reload.
// It reads the state from the page, sends choices to the server, and lets held-back tags go once they are granted.

import { choose } from "./banner/actions.js";
import { offer } from "./banner/api.js";
import { all, find, root } from "./banner/block.js";
import { heed, learnMore, listen, settle } from "./banner/choosing.js";
import { follow } from "./banner/preferences.js";
import { makePolicy, release } from "./banner/release.js";
import { learn, tell } from "./banner/state.js";

const mount = () => {
  if (!find()) return;
  learn(root.dataset.consentState);
  settle();
};

// What arrives later is let go when its time has already come.
const MARKS = "[data-consent], #consent-root";
/** @param {any} node */
const isMarked = node => node.matches?.(MARKS) || node.querySelector?.(MARKS);
/** @param {MutationRecord[]} changes */
const notice = changes => {
  if (!changes.some(({ addedNodes }) => [...addedNodes].some(isMarked))) return;
  mount();
  release();
};

const start = async () => {
  mount();
  offer();
  addEventListener("change", follow);
  makePolicy();
  addEventListener("click", choose);
  new MutationObserver(notice).observe(document, { childList: true, subtree: true });
  // The rest in a turn of its own: a browser lays a page out in the one that ends it.
  await new Promise(later => setTimeout(later));
  listen();
  try {
    await learnMore();
  } catch {
    // nothing more is known of this visitor: denied
  }
  tell("ready");
  release();
  heed().catch(() => {});
};

// A page that swaps its body brings a new block, and runs this once more: the first run goes on with it.
if (!window.consent?.withdraw && all("#consent-root")[0]) start();

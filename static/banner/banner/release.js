// Lets held-back tags go, once what they wait for is granted.

import { all, isOpen, isUniversal } from "./block.js";
import { call, decision, granted, parse, state, verdicts } from "./state.js";

// Our own hooks are no attributes that were held back.
const HELD = /^data-consent-(?!(action|held|allow)$)/;
/** @param {string} name */
const isHeld = name => HELD.test(name);
const held = () =>
  all("[data-consent]").filter(
    element => element.type === "text/plain" || element.getAttributeNames().some(isHeld),
  );
/** @param {Element} element */
const isScript = element => element.localName === "script";
/** @param {any} element @returns {string[]} */
const needs = element => element.dataset.consent.trim().split(/\s+/);

// Under `require-trusted-types-for 'script'` addresses and scripts must come through a policy. What we pass is what
// the server sent.
/** @type {any} */
const { trustedTypes: types } = window;
/** @type {any} */
let policy;
export const makePolicy = () => {
  /** @param {string} text */
  const same = text => text;
  try {
    policy = types.createPolicy("consent", { createHTML: same, createScript: same, createScriptURL: same });
  } catch {
    // no such feature, or the site's policy does not allow ours
  }
};
/** @param {string} text @param {string | null} kind */
const trusted = (text, kind) => (policy && kind ? policy["create" + kind.slice(7)](text) : text);

/** @param {any} element @returns {any} */
export const free = element => {
  // A script that a browser has once passed over stays dead, a copy of it lives. One that the page guard keeps from
  // its address was never looked at, and whoever made it may be listening to it.
  const script = isScript(element);
  const copied = element.type === "text/plain" && (script || element.localName === "style");
  const target = copied ? element.cloneNode() : element;
  // A frame starts afresh: what stands in it, because the guard holds it back, is no step to go back to.
  if (element.localName === "iframe") {
    element.removeAttribute("src");
    element.replaceWith(element);
  }
  for (const mark of ["", "-held"]) target.removeAttribute("data-consent" + mark);
  try {
    if (copied) {
      target.removeAttribute("type");
      target.textContent = trusted(element.textContent, script ? "TrustedScript" : null);
    }
    for (const name of element.getAttributeNames().filter(isHeld)) {
      const plain = name.slice(13).replace("xlink:", "");
      target.setAttribute(plain, trusted(element.getAttribute(name), types?.getAttributeType(element.localName, plain)));
      target.removeAttribute(name);
    }
  } catch (error) {
    // the site's policy on trusted types; the other elements are not to suffer for it
    reportError(error);
  }
  const before = element.previousElementSibling;
  if (before?.matches("[data-consent-placeholder]")) before.remove();
  if (copied && !script) element.replaceWith(target);
  // A <source> that gets its address late is looked at only when its player is told.
  if (element.localName === "source") element.parentNode.load?.();
  return target;
};

/** Whether it would have waited for the end of the page. @param {any} script */
const waits = script =>
  script.dataset.consentType === "module" || (script.defer && "consentSrc" in script.dataset);
// In document order, each once. Files load side by side, and an inline script waits for the ones before it, as it
// would while a page is read; but not for ever.
/** @param {any[]} scripts */
const run = async scripts => {
  /** @type {Promise<unknown>[]} */
  let loading = [];
  for (const old of scripts.sort((one, other) => +waits(one) - +waits(other))) {
    if (!old.isConnected) continue;
    const script = free(old);
    if (script === old) continue;
    if (!script.src) {
      await Promise.all(loading);
      loading = [];
    } else if (!script.hasAttribute("async")) {
      script.async = false;
      loading.push(
        new Promise(done => {
          for (const end of ["load", "error"]) script.addEventListener(end, done);
          setTimeout(done, 9e3);
        }),
      );
    }
    old.replaceWith(script);
  }
};
let queue = Promise.resolve();

/**
 * What a box stands for: the frame behind it, or the scripts that would show a post or a form. These contact their
 * service again and again, so the page guard is told.
 * @param {any} box
 */
export const loadOnce = box => {
  const { nextElementSibling: next } = box;
  if (next.matches("[data-consent]") && !isScript(next)) return free(next);
  const id = box.dataset.consentPlaceholder;
  const services = { ...state.services, [id]: "granted" };
  dispatchEvent(new CustomEvent("consent:once", { detail: { ...state, services } }));
  const scripts = held().filter(one => isScript(one) && needs(one).every(need => need === id || granted(need)));
  for (const other of all(`[data-consent-placeholder="${id}"]`))
    if (!other.nextElementSibling.matches("[data-consent]")) other.remove();
  queue = queue.then(() => run(scripts));
};

// What a frame may do is settled when its document is fetched. Where pages differ by visitor, they come with it.
const allowPlace = () => {
  if (!granted("geolocation")) return;
  for (const frame of all("[data-consent-allow]")) {
    frame.allow = frame.dataset.consentAllow;
    frame.removeAttribute("data-consent-allow");
    // fetched anew; a browser on its way to the same address would not turn back for `src`
    frame.replaceWith(frame);
  }
};

/** @param {boolean} [chosen] that is, just now: the page was there before */
export const release = async chosen => {
  const unknown = held().flatMap(needs).filter(id => !decision(id));
  if (unknown.length && state.decided && isOpen()) {
    for (const id of unknown) verdicts[id] = "denied";
    try {
      Object.assign(verdicts, parse(await call("/state?service=" + unknown.join("&service="))).services);
    } catch {
      // no verdict: denied
    }
  }
  const ready = held().filter(element => needs(element).every(granted));
  // posts that are not held back themselves
  for (const box of all("[data-consent-placeholder]"))
    if (granted(box.dataset.consentPlaceholder) && !box.nextElementSibling?.matches("[data-consent]")) box.remove();
  const scripts = ready.filter(isScript);
  // It would wipe the page that is already there; a fresh one has room for it, unless it is the same for everybody.
  const tame = scripts.filter(script => !script.textContent.includes("document.write"));
  if (chosen && tame.length < scripts.length && !isUniversal()) return location.reload();
  allowPlace();
  for (const element of ready) if (!isScript(element)) free(element);
  queue = queue.then(() => run(tame));
};

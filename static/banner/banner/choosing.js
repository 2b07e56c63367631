// Shows the question or the settings entry, sends choices to the server, and follows what was chosen elsewhere.

import { banner, dialog, entry, isStrict, isUniversal, part, root, say, status } from "./block.js";
import { release } from "./release.js";
import { call, decision, forgetVerdicts, granted, learn, parse, state, tell, verdicts } from "./state.js";

/** @typedef {import("../consent").ConsentState} State */
/** @typedef {import("../consent").ConsentChoice} Choice */

// Where something of the page lies over the question, it goes above everything. Only there: to browsers, what moves is
// painted anew.
const lift = () => {
  if (banner.hidden) root.popover = null;
  const { left, top, width, height } = banner.getBoundingClientRect();
  if (!height) return;
  if (banner.showModal) block();
  const seen = Document.prototype.elementFromPoint.call(document, left + width / 2, top + height / 2);
  if (seen && !root.contains(seen)) {
    root.popover = "manual";
    root.showPopover?.();
  }
};
// A site may have the question stand in the way of everything, but for the privacy notice: that is part of it.
const block = () => {
  if (part("#consent-banner p a")?.pathname === location.pathname) return;
  banner.close();
  banner.showModal();
  // not a button: somebody may be typing
  banner.focus();
  // closed by the browser, which is no answer
  banner.onclose = () => banner.open || banner.hidden || block();
};
const hasSignal = () => Object.values(state.signals).includes(true);
const show = () => {
  dialog.close();
  if (!banner) return;
  banner.close?.();
  // Without cookies no choice can be kept: asking on every page would be all that comes of it.
  const ask = !state.decided && !hasSignal() && navigator.cookieEnabled;
  const hadFocus = root.contains(document.activeElement);
  banner.hidden = !ask;
  banner.open = ask;
  entry.hidden = ask;
  lift();
  if (hadFocus && !ask) entry.firstElementChild.focus();
};
/** As the server wrote it, a page shows what it should, unless the browser keeps no cookies. An observer hears where
 * things lie once they are laid out for the screen: to ask would have that done at once, and the page would show later. */
export const settle = () =>
  banner && navigator.cookieEnabled ? new IntersectionObserver(lift).observe(banner) : show();

/** @param {State} before */
const changedSince = before =>
  Object.keys({ ...before.categories, ...before.services, ...verdicts }).filter(
    id => (decision(id, before) === "granted") !== granted(id),
  );

// Another answer holds from now on.
/** @param {string} text */
const adopt = async text => {
  const before = state;
  learn(text);
  tell("change");
  // What runs cannot be stopped, and what a page's headers forbid cannot be allowed: both need a fresh page.
  const changed = changedSince(before);
  if (
    changed.some(id => !granted(id)) ||
    (changed.length && isStrict()) ||
    (changed.includes("geolocation") && !isUniversal())
  )
    location.reload();
  else {
    forgetVerdicts();
    say("");
    show();
    await release(true);
  }
};

// What was chosen in another tab, or while this page lay in the browser's back/forward cache.
const refresh = async () => {
  const text = await call("/state");
  if (JSON.stringify(parse(text)) !== JSON.stringify(state)) await adopt(text);
};
/** @type {BroadcastChannel | undefined} */
let tabs;
export const listen = () => {
  try {
    tabs = new BroadcastChannel("consent");
    tabs.onmessage = refresh;
  } catch {
    // a frame without an origin of its own
  }
  addEventListener("pageshow", event => event.persisted && refresh());
};

/** @param {string} what @param {Choice | {}} choice */
const post = (what, choice) =>
  call(what, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(choice) });
/** @param {string} what @param {Choice | {}} choice @returns {Promise<State>} */
const send = async (what, choice) => {
  if (!navigator.cookieEnabled) throw Error("no cookies");
  const text = await post(what, choice);
  tabs?.postMessage("");
  await adopt(text);
  return state;
};

// The opt-out signal, as browsers say it to scripts: some to them only (W3C GPC section 3.3).
/** @type {any} */
const { globalPrivacyControl } = navigator;
const signal = globalPrivacyControl && "gpc";

/** @param {Choice} choice */
export const decide = choice =>
  // the policy that the page asks for, which may be older than the server's
  send("/decision", { ...choice, language: root.lang, policy: part("[name=policy]").value, signal });
export const withdraw = () => send("/withdraw", {});

/** Who is there, where the page does not know; and what the server has not heard, or could not remember. */
export const learnMore = async () => {
  const before = state;
  if (isUniversal()) {
    learn(await (signal ? post("/decision", { signal }) : call("/state")));
    show();
    if (!hasSignal() || changedSince(before)[0]) return;
    say(status.dataset.signal);
    root.classList.add("signal");
  } else if (signal && !state.signals.gpc) {
    await post("/decision", { signal });
    // The page is made anew for who says so; but not for ever, where the browser keeps no cookie of ours.
    if (parse(await call("/state")).signals.gpc) location.reload();
  }
};

/** What holds now and one thing more: `save` states the whole choice. @param {{}} answers @param {any} more */
export const plus = (answers, more) => ({
  ...Object.fromEntries(Object.keys(answers).map(id => [id, granted(id)])),
  ...more,
});

// Location switched off in the browser or the system: that is a "no" here too.
export const heed = async () => {
  const permission = await navigator.permissions.query({ name: "geolocation" });
  permission.onchange = () => {
    if (!granted("geolocation") || permission.state !== "denied") return;
    const refused = Object.keys(state.services).filter(id => !granted(id));
    decide({
      action: "save",
      categories: plus(state.categories, { geolocation: false }),
      services: Object.fromEntries(refused.map(id => [id, false])),
    });
  };
};

// The banner's script. Everything works without it; with it, nothing needs a reload.
// It reads the state from the page, sends choices to the server, and lets held-back tags go once they are granted.
// Only whole-line comments, and no string over several lines: the package strips comments and indentation.
(() => {
  /** @typedef {import("./consent").ConsentState} State */
  /** @typedef {import("./consent").ConsentChoice} Choice */

  // Forms and images of a page can shadow what hangs on `document`; the prototypes are out of their reach.
  /** @param {string} selector @returns {any[]} */
  const all = selector => [...Document.prototype.querySelectorAll.call(document, selector)];
  /** @param {string} text @returns {any} */
  const parse = text => JSON.parse(text, (_, value) => Object.freeze(value));

  // A page that swaps its body brings a new block, and runs this once more: the first run goes on with it.
  /** @type {any} */
  const { consent } = window;
  if (consent?.withdraw || !all("#consent-root")[0]) return;

  /** @type {any} */
  let root;
  /** @type {any} */
  let banner;
  /** @type {any} */
  let entry;
  /** @type {any} */
  let dialog;
  /** @type {any} */
  let status;
  /** @type {State} */
  let state;
  // Verdicts on services that the state does not list, because the site declares none.
  /** @type {Record<string, string>} */
  let verdicts = {};
  /** @param {string} selector @returns {any} */
  const part = selector => root.querySelector(selector);

  /** @param {State} now @param {string} id */
  const grants = (now, id) => (now.categories[id] || now.services[id] || verdicts[id]) === "granted";
  /** @param {string} id */
  const granted = id => grants(state, id);
  // It bubbles up to `document`, where pages listen.
  /** @param {string} name */
  const tell = name => root.dispatchEvent(new CustomEvent("consent:" + name, { bubbles: true, detail: state }));
  /** @param {string} text */
  const say = text => {
    status.textContent = text;
    root.classList.remove("signal");
  };

  // Letting go

  // Our own hooks are no attributes that were held back.
  const HELD = /^data-consent-(?!action$|state$|path$|placeholder$|held$|allow$)/;
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
  try {
    /** @param {string} text */
    const same = text => text;
    policy = types.createPolicy("consent", { createHTML: same, createScript: same, createScriptURL: same });
  } catch {
    // no such feature, or the site's policy does not allow ours
  }
  /** @param {string} text @param {string | null} kind */
  const trusted = (text, kind) => (policy && kind ? policy["create" + kind.slice(7)](text) : text);

  /** @param {any} element @returns {any} */
  const free = element => {
    // A script that a browser has once passed over stays dead, a copy of it lives. One that the page guard keeps from
    // its address was never looked at, and whoever made it may be listening to it.
    const script = isScript(element);
    const copied = element.type === "text/plain" && (script || element.localName === "style");
    const target = copied ? element.cloneNode() : element;
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
    script.dataset.consentType === "module" || (script.hasAttribute("defer") && script.dataset.consentSrc !== undefined);
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
      if (!script.hasAttribute("src")) {
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

  /** @param {boolean} [chosen] */
  const release = async chosen => {
    const unknown = held().flatMap(needs).filter(id => !(state.categories[id] || state.services[id] || verdicts[id]));
    if (unknown.length && state.decided && root.dataset.mode !== "strict") {
      for (const id of unknown) verdicts[id] = "denied";
      try {
        Object.assign(verdicts, parse(await call("/state?service=" + unknown.join("&service="))).services);
      } catch {
        // no verdict: denied
      }
    }
    const ready = held().filter(element => needs(element).every(granted));
    const scripts = ready.filter(isScript);
    // It would wipe the page that is already there; a fresh one has room for it, unless it is the same for everybody.
    const tame = scripts.filter(script => !script.textContent.includes("document.write"));
    if (chosen && tame.length < scripts.length && !isUniversal()) return location.reload();
    for (const element of ready) if (!isScript(element)) free(element);
    queue = queue.then(() => run(tame));
  };

  // Choosing

  // Where something of the page lies over the question, it goes above everything. Only there: to browsers, what moves
  // is painted anew.
  const lift = () => {
    const { left, top, width, height } = banner.getBoundingClientRect();
    const seen = Document.prototype.elementFromPoint.call(document, left + width / 2, top + height / 2);
    if (banner.hidden) root.popover = null;
    else if (seen && !root.contains(seen)) {
      root.popover = "manual";
      root.showPopover?.();
    }
  };
  const show = () => {
    // Without cookies no choice can be kept: asking on every page would be all that comes of it.
    const ask = !state.decided && !Object.values(state.signals).includes(true) && navigator.cookieEnabled;
    dialog.close();
    const hadFocus = root.contains(document.activeElement);
    banner.hidden = !ask;
    entry.hidden = ask;
    lift();
    if (hadFocus && !ask) entry.firstElementChild.focus();
  };

  /** @param {string} what @param {RequestInit} [options] */
  const call = async (what, options) => {
    const answer = await fetch(root.dataset.consentPath + what, options);
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return text;
  };

  const isUniversal = () => root.dataset.mode === "universal";
  // Another answer holds from now on.
  /** @param {string} text */
  const adopt = async text => {
    const before = state;
    state = parse(text);
    tell("change");
    const ids = Object.keys({ ...before.categories, ...before.services, ...verdicts });
    // What runs cannot be stopped, and what a page's headers forbid cannot be allowed: both need a fresh page.
    const changed = ids.filter(id => grants(before, id) !== granted(id));
    if (
      changed.some(id => !granted(id)) ||
      (changed.length && root.dataset.mode === "strict") ||
      (changed.includes("geolocation") && !isUniversal())
    )
      location.reload();
    else {
      verdicts = {};
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
  try {
    tabs = new BroadcastChannel("consent");
    tabs.onmessage = refresh;
  } catch {
    // a frame without an origin of its own
  }
  addEventListener("pageshow", event => event.persisted && refresh());

  /** @param {string} what @param {Choice | {}} choice @returns {Promise<State>} */
  const send = async (what, choice) => {
    if (!navigator.cookieEnabled) throw new Error("no cookies");
    const text = await call(what, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(choice),
    });
    tabs?.postMessage("");
    await adopt(text);
    return state;
  };

  // The second layer is a page, shown as a dialog once it is here with its style. A document that comes this way runs
  // nothing, and needs no policy on trusted types.
  const open = async () => {
    if (dialog.open) return;
    const { href } = part("[data-consent-action=open]");
    try {
      /** @type {any} */
      const page = await new Promise((done, fail) => {
        const request = new XMLHttpRequest();
        request.open("GET", href);
        request.responseType = "document";
        request.onload = () => done(request.response);
        request.onerror = fail;
        request.send();
      });
      const main = page.querySelector("main");
      // the page they are moved to may have another base
      for (const link of main.querySelectorAll("[href]")) link.href = link.href;
      const style = main.querySelector("link");
      style.nonce = all("#consent-root > style, #consent-root > link")[0].nonce;
      const styled = new Promise((done, fail) => {
        style.onload = done;
        style.onerror = fail;
      });
      dialog.replaceChildren(...main.childNodes);
      await styled;
    } catch {
      return location.assign(href);
    }
    dialog.querySelector("footer").prepend(status);
    dialog.showModal();
  };

  const api = Object.freeze({
    get state() {
      return state;
    },
    granted,
    open,
    /** @param {string} id @returns {Promise<State>} */
    when: id =>
      new Promise(done => {
        const look = () => granted(id) && done(state);
        look();
        addEventListener("consent:change", look);
      }),
    /** @param {Choice} choice */
    decide: choice => send("/decision", { ...choice, language: root.lang }),
    withdraw: () => send("/withdraw", {}),
  });
  Object.defineProperty(window, "consent", { value: api });

  /** @param {"category" | "service"} name */
  const ticked = name =>
    Object.fromEntries([...dialog.querySelectorAll(`[name=${name}]:enabled`)].map(box => [box.value, box.checked]));
  // What holds now and one thing more: `save` states the whole choice.
  /** @param {{}} answers @param {any} more */
  const plus = (answers, more) => ({
    ...Object.fromEntries(Object.keys(answers).map(id => [id, granted(id)])),
    ...more,
  });
  /** @type {Record<string, (button: any) => any>} */
  const actions = {
    open,
    close: () => dialog.close(),
    accept_all: () => api.decide({ action: "accept_all" }),
    reject_all: () => api.decide({ action: "reject_all" }),
    save: () => api.decide({ action: "save", categories: ticked("category"), services: ticked("service") }),
    withdraw: api.withdraw,
    load: button => free(button.closest("[data-consent-placeholder]").nextElementSibling),
    allow: ({ name, value }) =>
      api.decide({
        action: "save",
        categories: plus(state.categories, name === "category" && { [value]: true }),
        services: plus(state.services, name === "service" && { [value]: true }),
      }),
  };

  let busy = false;
  /** @param {any} event */
  const choose = async event => {
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
  addEventListener("click", choose);

  // A category's switch moves those of its services, unless another of a service's categories is off.
  /** @param {any} event */
  const follow = ({ target }) => {
    if (target.name !== "category" || !dialog.contains(target)) return;
    const categories = ticked("category");
    for (const box of dialog.querySelectorAll("[data-needs]:enabled")) {
      /** @type {string[]} */
      const wanted = box.dataset.needs.split(" ");
      if (wanted.includes(target.value)) box.checked = wanted.every(id => categories[id]);
    }
  };
  addEventListener("change", follow);

  // A page may swap its body for another one's, with another block of ours in it.
  const mount = () => {
    const found = all("#consent-root")[0];
    if (!found || found === root) return;
    root = found;
    banner = part("#consent-banner");
    entry = part("#consent-entry");
    dialog = part("dialog");
    status = part("#consent-status");
    state = parse(root.dataset.consentState);
    // While the preferences are open everything else is inert, the live region too; so it goes along.
    dialog.onclose = () => {
      root.prepend(status);
      dialog.replaceChildren();
    };
    if (navigator.cookieEnabled) lift();
    else show();
    // One question is enough: a frame of the same site leaves it to the page around it.
    try {
      root.hidden = parent !== window && !!parent.document.getElementById("consent-root");
    } catch {
      // a page of another site
    }
  };
  mount();
  // What arrives later is let go when its time has already come.
  const MARKS = "[data-consent], #consent-root";
  /** @param {any} node */
  const isMarked = node => node.matches?.(MARKS) || node.querySelector?.(MARKS);
  new MutationObserver(changes => {
    if (!changes.some(({ addedNodes }) => [...addedNodes].some(isMarked))) return;
    mount();
    release();
  }).observe(document, { childList: true, subtree: true });
  // Switched off in the browser or the system: that is a "no" here too.
  const heed = async () => {
    const ask = () => navigator.permissions.query({ name: "geolocation" });
    const permission = await ask();
    permission.onchange = async () => {
      if (!granted("geolocation") || (await ask()).state !== "denied") return;
      const refused = Object.keys(state.services).filter(id => !granted(id));
      api.decide({
        action: "save",
        categories: plus(state.categories, { geolocation: false }),
        services: Object.fromEntries(refused.map(id => [id, false])),
      });
    };
  };
  const start = async () => {
    try {
      if (isUniversal()) {
        state = parse(await call("/state"));
        show();
      }
    } catch {
      // nothing is known of this visitor: denied
    }
    tell("ready");
    release();
    heed().catch(() => {});
  };
  start();
})();

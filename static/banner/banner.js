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

  const root = all("#consent-root")[0];
  if (!root) return;
  /** @param {string} selector @returns {any} */
  const part = selector => root.querySelector(selector);
  const banner = part("#consent-banner");
  const entry = part("#consent-entry");
  const dialog = part("dialog");
  const status = part("#consent-status");
  const path = root.dataset.consentPath;
  /** @type {State} */
  let state = parse(root.dataset.consentState);
  // Verdicts on services that the state does not list, because the site declares none.
  /** @type {Record<string, string>} */
  let verdicts = {};

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
  const HELD = /^data-consent-(?!action$|state$|path$|placeholder$)/;
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
    const script = isScript(element);
    // A script that a browser has once passed over stays dead, a copy of it lives.
    const target = script ? element.cloneNode() : element;
    target.removeAttribute("data-consent");
    try {
      if (script) {
        target.removeAttribute("type");
        target.textContent = trusted(element.textContent, "TrustedScript");
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
    // A <source> that gets its address late is looked at only when its player is told.
    if (element.localName === "source") element.parentNode.load?.();
    return target;
  };

  // In document order, each once. Files load side by side, and an inline script waits for the ones before it, as it
  // would while a page is read; but not for ever.
  /** @param {any[]} scripts */
  const run = async scripts => {
    /** @type {Promise<unknown>[]} */
    let loading = [];
    for (const old of scripts) {
      if (!old.isConnected) continue;
      const script = free(old);
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
    const unknown = held().flatMap(needs).filter(id => !(state.categories[id] || state.services[id]));
    if (unknown.length && part("dialog [name=category]:enabled:checked")) {
      try {
        const answer = await fetch(path + "/state?service=" + unknown.join("&service="));
        verdicts = parse(await answer.text()).services;
      } catch {
        // no verdict: denied
      }
    }
    const ready = held().filter(element => needs(element).every(granted));
    const scripts = ready.filter(isScript);
    // It would wipe the page that is already there; a fresh one has room for it.
    if (chosen && scripts.some(script => script.textContent.includes("document.write"))) return location.reload();
    for (const element of ready) if (!isScript(element)) free(element);
    queue = queue.then(() => run(scripts));
  };

  // Choosing

  const show = () => {
    const ask = !state.decided;
    dialog.close();
    root.prepend(status);
    say("");
    const hadFocus = root.contains(document.activeElement);
    banner.hidden = !ask;
    entry.hidden = ask;
    for (const input of root.querySelectorAll("dialog [type=checkbox]")) input.checked = granted(input.value);
    part("[data-consent-action=withdraw]").hidden = !part("dialog :enabled:checked");
    if (hadFocus && !ask) entry.firstElementChild.focus();
  };

  /** @param {string} what @param {Choice | {}} choice @returns {Promise<State>} */
  const send = async (what, choice) => {
    const answer = await fetch(path + what, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(choice),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    const before = state;
    state = parse(text);
    tell("change");
    const ids = Object.keys({ ...before.categories, ...before.services, ...verdicts });
    // What runs cannot be stopped, and what a page's headers forbid cannot be allowed: both need a fresh page.
    if (ids.some(id => grants(before, id) && !granted(id)) || (granted("geolocation") && !grants(before, "geolocation")))
      location.reload();
    else {
      show();
      await release(true);
    }
    return state;
  };

  const api = Object.freeze({
    get state() {
      return state;
    },
    granted,
    open: () => {
      if (dialog.open) return;
      part("footer").prepend(status);
      dialog.showModal();
    },
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
    open: api.open,
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
      say(status.dataset.failed);
    }
    busy = false;
  };
  addEventListener("click", choose);

  // A category's switch moves those of its services, unless another of a service's categories is off.
  /** @param {any} event */
  const follow = ({ target }) => {
    if (target.name !== "category") return;
    const categories = ticked("category");
    for (const box of dialog.querySelectorAll("[data-needs]:enabled")) {
      /** @type {string[]} */
      const wanted = box.dataset.needs.split(" ");
      if (wanted.includes(target.value)) box.checked = wanted.every(id => categories[id]);
    }
  };
  dialog.addEventListener("change", follow);
  // While the preferences are open everything else is inert, the live region too; so it goes along.
  dialog.addEventListener("close", () => dialog.contains(status) && root.prepend(status));

  // One question is enough: a frame of the same site leaves it to the page around it.
  try {
    root.hidden = parent !== window && !!parent.document.getElementById("consent-root");
  } catch {
    // a page of another site
  }
  tell("ready");
  release();
})();

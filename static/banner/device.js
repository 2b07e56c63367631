// The device guard: what a page's own scripts would keep on the visitor's device, or ask it for a position, without
// consent. It runs beside guard.js, before the page's scripts.
// A name that may not be kept lives in memory, as long as the page does, so that the page goes on working.
(() => {
  // put here when the file is served
  const known = DEVICE;
  const tag = /** @type {HTMLScriptElement} */ (document.currentScript);
  const { apply } = Reflect;
  const load = fetch;
  let granted = (tag.getAttribute("data-granted") ?? "").split(" ");
  /** @param {string} ids */
  const isGranted = ids => ids.split(" ").every(id => granted.includes(id));

  /** Puts a function around another. A browser may lack some.
   * @param {any} owner @param {string} name @param {"get" | "set" | "value"} part
   * @param {(native: any, self: any, args: any[]) => any} apply */
  function around(owner, name, part, apply) {
    const native = owner && Reflect.getOwnPropertyDescriptor(owner, name)?.[part];
    if (native) Reflect.defineProperty(owner, name, { [part]: new Proxy(native, { apply }) });
  }

  // Which names may be kept? Those of the site at once; the rest of the catalogue is fetched when it is asked for.

  /** @type {[string, string][] | undefined} */
  let rules;
  /** @param {Record<string, string>} stored */
  function learn(stored) {
    rules ??= [];
    for (const [needs, names] of Object.entries(stored)) for (const name of names.split("\n")) rules.push([name, needs]);
  }
  let learned = false;
  /** @type {Promise<void> | undefined} */
  let learning;
  const learnAll = () =>
    (learning ??= load(new URL(known.exactly, new URL(tag.dataset.at ?? tag.src, location.origin)))
      .then(answer => answer.json())
      .then(all => {
        learned = true;
        learn(all.stored);
        settle();
      })
      .catch(() => {}));

  /** @param {string} name @param {string} pattern */
  function matches(name, pattern) {
    const [start = ""] = pattern.split("*");
    const glob = pattern.replace(/[^\w*]/g, "\\$&").replace(/\*/g, ".*");
    return name.startsWith(start) && RegExp(`^${glob}$`).test(name);
  }
  /** What a name needs; nothing when nobody has classified it. @param {string} name */
  function needsOf(name) {
    if (!rules) learn(known.stored);
    const found = rules?.find(([pattern]) => pattern === name) ?? rules?.find(([pattern]) => matches(name, pattern));
    if (!found && !learned) learnAll();
    return found?.[1];
  }
  /** @param {string} name */
  function mayKeep(name) {
    const needs = needsOf(name);
    return needs === undefined ? learned && known.open : isGranted(needs.replace("~", ""));
  }

  // By store, what is remembered for the page alone: how it reads, and how it was written.
  /** @type {Map<any, Map<string, [string, string]>>} */
  const memories = new Map();
  /** @param {any} store */
  function memory(store) {
    const kept = memories.get(store) ?? new Map();
    memories.set(store, kept);
    return kept;
  }

  around(Document.prototype, "cookie", "set", (set, page, [value]) => {
    const text = `${value}`;
    const [pair = "", ...attributes] = text.split(";").map(part => part.trim());
    const name = pair.slice(0, Math.max(0, pair.indexOf("="))).trim();
    /** @param {string} wanted */
    const lifetime = wanted => attributes.findLast(part => part.toLowerCase().startsWith(wanted))?.slice(wanted.length);
    const isDeletion = Number(lifetime("max-age=") ?? 1) <= 0 || Date.parse(lifetime("expires=") ?? "") < Date.now();
    memory(page).delete(name);
    if (isDeletion || mayKeep(name)) apply(set, page, [text]);
    else if (needsOf(name)?.startsWith("~"))
      apply(set, page, [[pair, ...attributes.filter(part => !/^(max-age|expires)/i.test(part))].join("; ")]);
    else memory(page).set(name, [pair, text]);
  });
  around(Document.prototype, "cookie", "get", (get, page) =>
    [apply(get, page, []), ...[...memory(page).values()].map(([pair]) => pair)].filter(Boolean).join("; "),
  );
  around(window.CookieStore?.prototype, "set", "value", async (set, self, args) => {
    const name = `${args[0]?.name ?? args[0]}`;
    if (mayKeep(name) || needsOf(name)?.startsWith("~")) return apply(set, self, args);
  });

  around(Storage.prototype, "setItem", "value", (set, store, args) => {
    const [name = "", value = ""] = args.map(String);
    memory(store).delete(name);
    if (args.length < 2 || mayKeep(name)) apply(set, store, args);
    else memory(store).set(name, [value, value]);
  });
  around(
    Storage.prototype,
    "getItem",
    "value",
    (get, store, args) => memory(store).get(`${args[0]}`)?.[0] ?? apply(get, store, args),
  );
  around(Storage.prototype, "removeItem", "value", (remove, store, args) => {
    memory(store).delete(`${args[0]}`);
    apply(remove, store, args);
  });
  around(Storage.prototype, "clear", "value", (clear, store) => {
    memory(store).clear();
    apply(clear, store, []);
  });

  // `localStorage.name = value` cannot be caught: such a key goes when the page does. What belongs to a service that
  // is denied, or no longer granted, goes when the page is there. Opening a store takes a while, so nothing opens one
  // before the page does.
  /** @type {Map<Storage, string[]>} */
  const stores = new Map();
  const names = ["localStorage", "sessionStorage"];
  for (const name of names)
    around(window, name, "get", (get, self) => {
      const store = apply(get, self, []);
      if (!stores.has(store)) stores.set(store, Object.keys(store));
      return store;
    });
  /** @param {any} [leaving] */
  function sweep(leaving) {
    for (const [store, before] of stores)
      for (const name of Object.keys(store))
        if (!mayKeep(name) && (needsOf(name) !== undefined || (leaving && !before.includes(name))))
          store.removeItem(name);
  }
  function settle() {
    for (const [store, kept] of memories)
      for (const [name, [, text]] of [...kept])
        if (store === document) document.cookie = text;
        else store.setItem(name, text);
    sweep();
  }
  addEventListener("pagehide", sweep);
  // in a turn of its own: what is done in the one that ends a page holds up what it shows
  addEventListener("load", () =>
    setTimeout(() => {
      for (const name of names)
        try {
          /** @type {any} */ (window)[name];
        } catch {
          // a frame without storage
        }
      sweep();
    }),
  );

  // Where the visitor is. The page's headers forbid it too; this asks, when the visitor has just done something.

  function refusal() {
    const asking = new CustomEvent("consent:needed", { cancelable: true, detail: known.place.split(" ") });
    if (document.dispatchEvent(asking) && navigator.userActivation?.isActive) window.consent?.open();
    return Object.create(GeolocationPositionError.prototype, {
      code: { value: 1 },
      message: { value: "No consent to location" },
    });
  }
  for (const method of ["getCurrentPosition", "watchPosition"])
    around(window.Geolocation?.prototype, method, "value", (locate, self, args) => {
      if (isGranted(known.place)) return apply(locate, self, args);
      const refused = refusal();
      if (args[1]) setTimeout(args[1], 0, refused);
      return 0;
    });
  around(window.Permissions?.prototype, "query", "value", async (query, self, args) => {
    const status = await apply(query, self, args);
    if (args[0]?.name === "geolocation" && !isGranted(known.place))
      Object.defineProperty(status, "state", { value: "denied" });
    return status;
  });

  for (const name of ["ready", "change"])
    addEventListener("consent:" + name, (/** @type {any} */ { detail }) => {
      granted = Object.entries({ ...detail.categories, ...detail.services })
        .filter(([, decision]) => decision === "granted")
        .map(([id]) => id);
      settle();
    });
})();

// The page guard: what a page's own scripts would contact without consent is held back. It is the first script of a
// page. Everybody gets the same code; what this visitor has granted stands on its tag. Who comes for the first time gets
// it in the page itself, so that nothing has to be fetched before something shows.
// Each part stands alone: where one fails, or a browser lacks something, the page goes on as it is.
(() => {
  // put here when the file is served
  const catalog = CATALOG;
  const tag = /** @type {HTMLScriptElement} */ (document.currentScript);
  const { apply, construct } = Reflect;
  const load = fetch;
  let granted = tag.dataset.granted?.split(" ") ?? [];

  // Whose is it?

  /** @type {Map<string, [string, string][]>} */
  const references = new Map();
  /** @param {Record<string, string>} known */
  const learn = known => {
    for (const [needs, listed] of Object.entries(known))
      for (const reference of listed.split(" ")) {
        const [host = ""] = reference.split("/");
        const all = references.get(host) ?? [];
        references.set(host, all);
        all.push([reference.slice(host.length), needs]);
        // of a host's folders the longest counts
        all.sort(([one], [other]) => other.length - one.length);
      }
  };
  learn({ ...catalog.references, ...JSON.parse(tag.dataset.references ?? "{}") });

  // The rest of the catalogue as fingerprints: sorted hashes, as Golomb-Rice codes of their differences.
  /** @param {import("./guard").Codes} set */
  const decoded = ([needs, size, rest, codes]) => {
    /** @type {Set<number> | undefined} */
    let members;
    // Most pages never ask.
    const decode = () => {
      const bits = [...atob(codes)].map(byte => byte.charCodeAt(0).toString(2).padStart(8, "0")).join("");
      let at = 0;
      members = new Set();
      for (const [, high = "", low = ""] of bits.matchAll(RegExp(`(1*)0(.{${rest}})`, "g")))
        members.add((at += high.length * 2 ** rest + parseInt(low, 2)));
      return members;
    };
    /** @param {string} text */
    const has = text => {
      let sum = 2166136261;
      for (const letter of text) sum = Math.imul(sum ^ letter.charCodeAt(0), 16777619);
      return (members ?? decode()).has(((sum ^ (sum >>> 15)) >>> 0) % size);
    };
    return { needs, has };
  };
  let hosts = catalog.hosts.map(decoded);
  let files = catalog.files.map(decoded);

  /** What must be granted before an address may be contacted; nothing when it may be. @param {any} address */
  const denied = address => {
    try {
      const { protocol, hostname, pathname } = new URL(address, document.baseURI);
      if (!/^(http|ws)/.test(protocol)) return;
      const isOwn = [location.hostname, ...catalog.own].includes(hostname);
      const [, folder] = pathname.split("/");
      const file = pathname.slice(pathname.lastIndexOf("/"));
      // a.b.example, b.example, example, and then the files that a site may keep itself
      for (let host = isOwn ? "" : hostname; ; host = host.replace(/^[^.]*\.?([^.]+$)?/, "")) {
        const needs =
          references.get(host)?.find(([path]) => (host ? pathname.startsWith(path) : file === path))?.[1] ??
          (host
            ? hosts.find(({ has }) => has(host) || has(host + "/" + folder))
            : files.find(({ has }) => has(file))
          )?.needs;
        if (needs) {
          if (needs.split(" ").every(id => granted.includes(id))) return;
          learnAll();
          return needs;
        }
        if (!host) return;
      }
    } catch {
      // no address
    }
  };

  // A fingerprint may be a stranger's. The first find fetches the exact list, which decides from then on.
  /** @type {Promise<void> | undefined} */
  let learning;
  const exactly = new URL(catalog.exactly, new URL(tag.dataset.at ?? tag.src, location.href)).href;
  /** @param {any} all */
  const adopt = all => {
    hosts = files = [];
    learn(all.references);
    for (const element of document.querySelectorAll(`[${HELD}]`)) again(element);
  };
  const learnAll = () => (learning ??= load(exactly).then(answer => answer.json()).then(adopt).catch(() => {}));
  /** For those who cannot wait. @param {any} address */
  const surelyDenied = address => {
    if (denied(address) && hosts.length)
      try {
        const request = new XMLHttpRequest();
        request.open("GET", exactly, false);
        request.send();
        adopt(JSON.parse(request.response));
      } catch {
        // denied, in doubt
      }
    return denied(address);
  };

  // Everything that is replaced keeps working when we fail.
  /** @param {any} owner @param {string} name @param {(native: any, self: any, args: any) => any} call */
  const around = (owner, name, call) => {
    const own = Object.getOwnPropertyDescriptor(owner, name);
    if (!own) return;
    const part = own.set ? "set" : "value";
    const wrapped = new Proxy(own[part], /** @type {any} */ ({ apply: call, construct: call }));
    Object.defineProperty(owner, name, { ...own, [part]: wrapped });
  };

  // Elements

  const PREFIX = "data-consent-";
  const HELD = PREFIX + "held";
  const { setAttribute, removeAttribute, getAttribute, hasAttribute } = Element.prototype;
  /** @param {string} element @param {string} name */
  const contacts = (element, name) =>
    name === "href"
      ? /^(link|script|image|use|feimage)$/i.test(element)
      : /^(src|srcset|imagesrcset|poster|ping)$/.test(name) || name + element === "dataobject";
  /** @param {string} name @param {any} value */
  const deniedIn = (name, value) => {
    for (const one of /set$|ping/.test(name) ? `${value}`.split(/[\s,]+/) : [value]) {
      const needs = denied(one);
      if (needs) return needs;
    }
  };
  /** Whether an attribute is held back. @param {any} element @param {string} name @param {any} value */
  const holds = (element, name, value) => {
    const kept = apply(getAttribute, element, [PREFIX + name]);
    // the banner's script lets go
    if (kept === `${value}` && !apply(hasAttribute, element, ["data-consent"])) return;
    const needs = deniedIn(name, value);
    if (needs) {
      for (const [key, mark] of [["data-consent", needs], [HELD, ""], [PREFIX + name, value]])
        apply(setAttribute, element, [key, mark]);
      return true;
    }
    apply(removeAttribute, element, [PREFIX + name]);
  };
  /** @param {Element} element */
  const again = element => {
    for (const name of element.getAttributeNames())
      if (name.startsWith(PREFIX)) {
        const value = element.getAttribute(name) ?? "";
        for (const mark of [name, "data-consent"]) element.removeAttribute(mark);
        if (name !== HELD) element.setAttribute(name.slice(13), value);
      }
  };

  for (const [kind, names] of Object.entries({
    Script: "src", Image: "src srcset", IFrame: "src", Link: "href imageSrcset", Media: "src", Video: "poster",
    Source: "src srcset", Object: "data", Input: "src", Embed: "src", Track: "src",
  }))
    for (const name of names.split(" "))
      around(
        /** @type {any} */ (window)[`HTML${kind}Element`].prototype,
        name,
        (set, self, [value]) => holds(self, name.toLowerCase(), value) || apply(set, self, [value]),
      );
  for (const method of ["setAttribute", "setAttributeNS"])
    around(Element.prototype, method, (set, self, args) => {
      const [name, value] = args.slice(-2);
      if (!/src|href|^data$|poster|ping/i.test(name)) return apply(set, self, args);
      const plain = `${name}`.toLowerCase().replace("xlink:", "");
      if (contacts(self.localName, plain) && holds(self, plain, value)) return;
      const isFree = plain !== "srcdoc" || `${value}` === apply(getAttribute, self, [PREFIX + plain]);
      return apply(set, self, isFree ? args : [name, clean(value)]);
    });

  // Markup

  /** @type {any} */
  let policy;
  /** @param {any} one */
  const isMarkup = one => /^(string|trustedhtml)$/i.test(one?.constructor.name);
  /** @param {any} markup */
  const clean = markup => {
    const text = `${markup}`;
    const out = text.replace(/<([a-z][^\s/>]*)(?:"[^"]*"|'[^']*'|[^>"'])*>/gi, (whole, element) => {
      let ids = "";
      const held = whole.replace(
        /(?<=[\s"'/])(?:xlink:)?([a-z]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s>"']+)/gi,
        (attribute, name, equals, value) => {
          const plain = name.toLowerCase();
          const needs = contacts(element, plain) && deniedIn(plain, value.replace(/^["']|["']$/g, ""));
          if (!needs) return attribute;
          ids = needs;
          return PREFIX + name + equals + value;
        },
      );
      return ids ? held.replace(element, `${element} data-consent="${ids}" ${HELD}`) : whole;
    });
    if (out === text) return markup;
    if (typeof markup === "string") return out;
    const { trustedTypes } = /** @type {any} */ (window);
    try {
      policy ??= trustedTypes.createPolicy("consent-guard", { createHTML: (/** @type {string} */ one) => one });
      return policy.createHTML(out);
    } catch {
      return trustedTypes.emptyHTML;
    }
  };
  for (const [owner, names] of /** @type {[any, string][]} */ ([
    [Element, "innerHTML outerHTML insertAdjacentHTML setHTMLUnsafe"],
    [ShadowRoot, "innerHTML"],
    [HTMLIFrameElement, "srcdoc"],
    [Range, "createContextualFragment"],
    [Document, "write writeln"],
    [DOMParser, "parseFromString"],
  ]))
    for (const name of names.split(" "))
      around(owner.prototype, name, (method, self, args) =>
        // feeds are no pages, and options no markup
        apply(method, self, /xml/.test(args[1]) ? args : args.map((/** @type {any} */ one) => (isMarkup(one) ? clean(one) : one))),
      );

  // Connections. What is refused fails as it does without a network.

  around(window, "fetch", async (target, self, args) => {
    const address = args[0]?.url ?? args[0];
    if (denied(address)) await learnAll();
    if (denied(address)) throw new TypeError("Failed to fetch");
    return apply(target, self, args);
  });
  around(Navigator.prototype, "sendBeacon", (target, self, args) => {
    if (!denied(args[0])) return apply(target, self, args);
    learnAll().then(() => denied(args[0]) || apply(target, self, args));
    return true;
  });
  const opened = new WeakMap();
  around(XMLHttpRequest.prototype, "open", (target, self, args) => {
    opened.set(self, args);
    return apply(target, self, args);
  });
  around(XMLHttpRequest.prototype, "send", (target, self, args) => {
    const [method, address, asynchronous = true] = opened.get(self) ?? [];
    const send = () => {
      if (surelyDenied(address)) self.open(method, "blob:consent", asynchronous);
      apply(target, self, args);
    };
    if (asynchronous && denied(address)) learnAll().then(send);
    else send();
  });
  for (const [name, instead] of Object.entries({
    EventSource: "blob:consent",
    // no browser connects to this port
    WebSocket: "wss://0.0.0.0:1",
    Worker: "data:text/javascript,",
    SharedWorker: "data:text/javascript,",
    Audio: "",
  }))
    around(window, name, (target, [address, ...rest], self) =>
      construct(target, [surelyDenied(address) ? instead : address, ...rest], /** @type {any} */ (self)),
    );

  // The state of consent changes

  for (const name of ["ready", "change", "once"])
    addEventListener("consent:" + name, (/** @type {any} */ { detail }) => {
      granted = Object.entries({ ...detail.categories, ...detail.services })
        .filter(([, decision]) => decision === "granted")
        .map(([id]) => id);
    });
})();

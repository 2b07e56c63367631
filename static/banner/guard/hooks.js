// What is put in front of a browser's own functions: the members of interfaces, or the globals, and what a Proxy needs
// to know of them. What is refused fails as it does without a network.

import { boxFor, denied, later, learnAll, surelyDenied } from "./catalog.js";
import { HELD, PREFIX, again, againIn } from "./marks.js";
import { clean, contacts, deniedIn, isFrame } from "./markup.js";

const { apply, construct } = Reflect;

/** Whether an attribute is held back. @param {any} element @param {string} name @param {any} value */
function holds(element, name, value) {
  const kept = element.getAttribute(PREFIX + name);
  // the banner's script lets go
  if (kept === `${value}` && !element.hasAttribute("data-consent")) return;
  const needs = deniedIn(name, value);
  if (needs) {
    if (isFrame(element.localName)) element.setAttribute(name, boxFor(value));
    element.setAttribute("data-consent", needs);
    element.setAttribute(HELD, "");
    element.setAttribute(PREFIX + name, value);
    // it may never come into the page
    later(() => again(element));
    return true;
  }
  element.removeAttribute(PREFIX + name);
}

/** @type {WeakMap<any, any[]>} */
const opened = new WeakMap();
/** @type {Record<string, string>} */
const instead = {
  EventSource: "blob:consent",
  // no browser connects to this port
  WebSocket: "wss://0.0.0.0:1",
  Audio: "",
};

/** @type {ProxyHandler<any>} */
const onAddress = {
  apply(set, self, [value]) {
    // its name is "set src"
    return holds(self, set.name.slice(4).toLowerCase(), value) || apply(set, self, [value]);
  },
};

/** @type {ProxyHandler<any>} */
const onAttribute = {
  apply(set, self, args) {
    const [name, value] = args.slice(-2);
    // most attributes are none of ours, and frameworks set thousands
    if (!/src|href|data|poster/i.test(name)) return apply(set, self, args);
    const plain = `${name}`.toLowerCase().replace("xlink:", "");
    if (contacts(self.localName, plain) && holds(self, plain, value)) return;
    const isFree = plain !== "srcdoc" || `${value}` === self.getAttribute(PREFIX + plain);
    return apply(set, self, isFree ? args : args.with(-1, clean(value)));
  },
};

/** @type {ProxyHandler<any>} */
const onMarkup = {
  apply(method, self, args) {
    // feeds are no pages
    const made = apply(method, self, /^[a-z/+]+xml$/.test(args[1]) ? args : args.map(clean));
    later(() => againIn(self.contentDocument ?? self));
    return made;
  },
};

/** @type {ProxyHandler<any>} */
const onFetch = {
  async apply(target, self, args) {
    const address = args[0]?.url ?? args[0];
    if (denied(address)) await learnAll();
    if (denied(address)) throw TypeError("Failed to fetch");
    return apply(target, self, args);
  },
};

/** @type {ProxyHandler<any>} */
const onBeacon = {
  apply(target, self, args) {
    if (!denied(args[0])) return apply(target, self, args);
    learnAll().then(() => denied(args[0]) || apply(target, self, args));
    return true;
  },
};

/** @type {ProxyHandler<any>} */
const onOpen = {
  apply(target, self, args) {
    opened.set(self, args);
    return apply(target, self, args);
  },
};

/** @type {ProxyHandler<any>} */
const onSend = {
  apply(target, self, args) {
    const [method, address, asynchronous = true] = opened.get(self) ?? [];
    const send = () => {
      if (surelyDenied(address)) self.open(method, "blob:consent", asynchronous);
      apply(target, self, args);
    };
    if (asynchronous && denied(address)) learnAll().then(send);
    else send();
  },
};

/** @type {ProxyHandler<any>} */
const onConnect = {
  construct(target, [address, ...rest], self) {
    return construct(target, [surelyDenied(address) ? instead[target.name] : address, ...rest], self);
  },
};

/** @type {ProxyHandler<any>} */
const onFrame = {
  apply(get, self) {
    const found = apply(get, self, []);
    try {
      // an empty frame's functions are the browser's own, and some scripts make one to get at those
      if (!found.location.host) arm(found.defaultView ?? found);
    } catch {
      // no frame yet, or another site's
    }
    return found;
  },
};

/** Puts a hook in front of members of an interface, or of a window. A browser may lack some.
 * @param {ProxyHandler<any>} hook @param {any} owner @param {string[]} names */
function put(hook, owner, ...names) {
  const target = owner?.prototype ?? owner;
  for (const name of names) {
    const own = target && Reflect.getOwnPropertyDescriptor(target, name);
    const part = own?.set ? "set" : own?.get ? "get" : "value";
    if (own) Reflect.defineProperty(target, name, { [part]: new Proxy(own[part], hook) });
  }
}

/** To touch an interface takes a browser a while, so some wait for what leads to their objects.
 * @param {() => void} prepare @returns {ProxyHandler<any>} */
function awaiting(prepare) {
  return {
    apply(native, self, args) {
      prepare();
      prepare = () => {};
      return apply(native, self, args);
    },
  };
}

/** @type {WeakSet<any>} */
const armed = new WeakSet();
/** Puts the hooks in front of a window's functions. A plain list of calls: every page waits for it, and a browser has
 * less to do than with a table. @param {any} realm */
export function arm(realm) {
  const { Element, HTMLIFrameElement, XMLHttpRequest } = realm;
  if (armed.has(Element)) return;
  armed.add(Element);
  put(onAddress, realm.HTMLScriptElement, "src");
  put(onAddress, realm.HTMLImageElement, "src", "srcset");
  put(onAddress, HTMLIFrameElement, "src");
  put(onAddress, realm.HTMLLinkElement, "href");
  put(onAddress, realm.HTMLMediaElement, "src");
  put(onAddress, realm.HTMLVideoElement, "poster");
  put(onAddress, realm.HTMLSourceElement, "src", "srcset");
  put(onAddress, realm.HTMLObjectElement, "data");
  put(onAddress, realm.HTMLInputElement, "src");
  put(onAddress, realm.HTMLEmbedElement, "src");
  put(onAttribute, Element, "setAttribute", "setAttributeNS");
  put(onMarkup, Element, "innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe");
  put(onMarkup, realm.Document, "write", "writeln");
  put(onMarkup, HTMLIFrameElement, "srcdoc");
  put(onMarkup, realm.DOMParser, "parseFromString");
  put(onMarkup, realm.Range, "createContextualFragment");
  put(awaiting(() => put(onMarkup, realm.ShadowRoot, "innerHTML")), Element, "attachShadow", "shadowRoot");
  put(onFetch, realm, "fetch");
  put(awaiting(() => put(onBeacon, realm.Navigator, "sendBeacon")), realm, "navigator");
  put(onOpen, XMLHttpRequest, "open");
  put(onSend, XMLHttpRequest, "send");
  put(onConnect, realm, "EventSource", "WebSocket", "Audio");
  put(onFrame, HTMLIFrameElement, "contentWindow", "contentDocument");
}

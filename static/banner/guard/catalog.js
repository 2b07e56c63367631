// Whose is an address, and may it be contacted?
// Nothing is decoded before a page's scripts first ask: a page starts sooner, and many never ask.

import { againIn } from "./marks.js";

// put here when the file is served
const catalog = CATALOG;
const tag = /** @type {HTMLScriptElement} */ (document.currentScript);
const load = fetch;
let granted = (tag.getAttribute("data-granted") ?? "").split(" ");

/** The visitor has chosen. @param {any} event */
export function heed({ detail }) {
  granted = Object.entries({ ...detail.categories, ...detail.services })
    .filter(([, decision]) => decision === "granted")
    .map(([id]) => id);
}

/** By host, what is known exactly: path prefixes, and what they need. @type {Map<string, [string, string][]> | undefined} */
let references;
/** @param {Record<string, string>} known */
function learn(known) {
  references ??= new Map();
  for (const [needs, listed] of Object.entries(known))
    for (const reference of listed.split(" ")) {
      const host = reference.replace(/\/.*/, "");
      const all = references.get(host) ?? [];
      references.set(host, all);
      all.push([reference.slice(host.length), needs]);
      // of a host's folders the longest counts
      all.sort(([one], [other]) => other.length - one.length);
    }
}

// The rest of the catalogue as fingerprints: sorted hashes, as Golomb-Rice codes of their differences.
let { hosts, files } = catalog;
/** @type {Map<string, Set<number>>} */
const decoded = new Map();
/** @param {string} codes @param {number} rest */
function decode(codes, rest) {
  const members = new Set();
  const bits = BigInt("0x" + codes).toString(2);
  let hash = 0;
  for (let at = 1; at < bits.length; ) {
    const zero = bits.indexOf("0", at);
    hash += (zero - at) * 2 ** rest;
    at = zero + 1 + rest;
    members.add((hash += parseInt(bits.slice(zero + 1, at), 2)));
  }
  decoded.set(codes, members);
  return members;
}
/** What the members of a set need, if this text looks like one. @param {typeof hosts} sets @param {string} text */
function find(sets, text) {
  let sum = 2166136261;
  for (const letter of text) sum = Math.imul(sum ^ letter.charCodeAt(0), 16777619);
  sum = (sum ^ (sum >>> 15)) >>> 0;
  return sets.find(([, size, rest, codes]) => (decoded.get(codes) ?? decode(codes, rest)).has(sum % size))?.[0];
}

/** What must be granted before an address may be contacted; nothing when it may be. @param {any} address */
export function denied(address) {
  try {
    const { hostname, pathname } = new URL(address, document.baseURI);
    if (!hostname) return;
    if (!references) learn({ ...catalog.references, ...JSON.parse(tag.dataset.references ?? "{}") });
    const isOwn = [location.hostname, ...catalog.own].includes(hostname);
    const [, folder] = pathname.split("/");
    const file = pathname.slice(pathname.lastIndexOf("/"));
    // a.b.example, b.example, example, and then the files that a site may keep itself
    for (let host = isOwn ? "" : hostname; ; host = host.replace(/^[^.]*\.?([^.]+$)?/, "")) {
      const exact = references?.get(host)?.find(([path]) => (host ? pathname.startsWith(path) : file === path));
      const needs = exact?.[1] ?? (host ? (find(hosts, host) ?? find(hosts, host + "/" + folder)) : find(files, file));
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
}

// A fingerprint may be a stranger's. The first find fetches the exact list, which decides from then on.
/** @type {Promise<void> | undefined} */
let learning;
/** An address of ours: a page's own <base> is not to lead elsewhere. @param {string} path */
const ours = path => new URL(path, new URL(tag.dataset.at ?? tag.src, location.origin));
/** @param {any} all */
function adopt(all) {
  hosts = files = [];
  learn(all.references);
  againIn(document);
}
export const learnAll = () => (learning ??= load(ours(catalog.exactly)).then(answer => answer.json()).then(adopt).catch(() => {}));
/** To do once strangers are known, if anything was held that may be theirs. @param {() => void} next */
export const later = next => hosts.length && learning?.then(() => hosts.length || next());
/** For those who cannot wait. @param {any} address */
export function surelyDenied(address) {
  if (denied(address) && hosts.length)
    try {
      const request = new XMLHttpRequest();
      request.open("GET", ours(catalog.exactly), false);
      request.send();
      adopt(JSON.parse(request.response));
    } catch {
      // denied, in doubt
    }
  return denied(address);
}
/** What a frame shows that is held back. @param {any} address */
export const boxFor = address => ours("../placeholder?address=" + encodeURIComponent(address));

// Markup that a page's scripts write: what it would contact is held back before it is parsed.

import { boxFor, denied } from "./catalog.js";
import { HELD, PREFIX } from "./marks.js";

/** Whether an attribute makes a browser contact its value. @param {string} element @param {string} name */
export function contacts(element, name) {
  return /^(\S+ (src|srcset|poster)|(link|script|image) href|object data)$/i.test(element + " " + name);
}

/** Of the attributes that contact, a frame has one. @param {string} element */
export const isFrame = element => /^iframe$/i.test(element);

/** What must be granted for one of an attribute's addresses. @param {string} name @param {any} value */
export function deniedIn(name, value) {
  for (const one of /set$/.test(name) ? `${value}`.split(/[\s,]+/) : [value]) {
    const needs = denied(one);
    if (needs) return needs;
  }
}

/** @type {any} */
let policy;
/** The same, of its kind, with what is denied held back; what is no markup stays as it is. @param {any} markup */
export function clean(markup) {
  const text = `${markup}`;
  const out = text.replace(/<([a-z][^\s/>]*)(?:"[^"]*"|'[^']*'|[^>"'])*>/gi, (whole, element) => {
    let ids = "";
    const held = whole.replace(
      /(?<=[\s"'/])(?:xlink:)?([a-z]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s>"']+)/gi,
      (attribute, name, equals, value) => {
        const plain = name.toLowerCase();
        // some templates write a slash as &#x2F;
        const address = value
          .replace(/^["']|["']$/g, "")
          .replace(/&#(\w+);/g, (/** @type {string} */ _, /** @type {string} */ code) => String.fromCharCode(+("0" + code)));
        const needs = contacts(element, plain) && deniedIn(plain, address);
        if (!needs) return attribute;
        ids = needs;
        return (isFrame(element) ? `src=${boxFor(address)} ` : "") + PREFIX + name + equals + value;
      },
    );
    return ids ? held.replace(element, `${element} data-consent="${ids}" ${HELD}`) : whole;
  });
  if (out === text) return markup;
  if (markup.constructor.name !== "TrustedHTML") return out;
  const { trustedTypes } = /** @type {any} */ (window);
  try {
    policy ??= trustedTypes.createPolicy("consent-guard", { createHTML: (/** @type {string} */ one) => one });
    return policy.createHTML(out);
  } catch {
    return trustedTypes.emptyHTML;
  }
}

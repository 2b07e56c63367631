// What is held back carries marks; so the banner's script finds it, and what belongs to nobody can be let go.

export const PREFIX = "data-consent-";
/** On what the guard holds, not the server. */
export const HELD = PREFIX + "held";

/** Tries again what an element holds. @param {Element} element */
export function again(element) {
  for (const name of element.getAttributeNames())
    if (name.startsWith(PREFIX)) {
      const value = element.getAttribute(name) ?? "";
      for (const mark of [name, "data-consent"]) element.removeAttribute(mark);
      if (name !== HELD) element.setAttribute(name.slice(13), value);
    }
}
/** The same for what stands in a document, a shadow root, an element; in anything else stands nothing. @param {any} root */
export function againIn(root) {
  for (const element of root.querySelectorAll?.(`[${HELD}]`) ?? []) again(element);
}

// In the document of a frame that waits for consent: it speaks the language of the page around it, and its buttons act
// there, as those of a placeholder do. Where that page has no banner of ours, the form takes the whole page along. Where
// the frame may not reach the page, it has what the server could know.

/** @param {MouseEvent} event */
const act = event => {
  const button = /** @type {any} */ (event.target).closest("[data-consent-action]");
  const frame = /** @type {HTMLIFrameElement | null} */ (window.frameElement);
  if (!button || !frame || !parent.consent) return;
  event.preventDefault();
  if (button.getAttribute("data-consent-action") === "load") {
    for (const name of ["src", "data-consent", "data-consent-held"]) frame.removeAttribute(name);
    // afresh: what stood in it is no step to go back to
    frame.replaceWith(frame);
    frame.src = frame.dataset.consentSrc ?? "";
  } else {
    const copy = parent.document.importNode(button, true);
    frame.append(copy);
    copy.click();
    copy.remove();
  }
};

const adapt = () => {
  if (!window.frameElement) return;
  const { lang } = parent.document.documentElement;
  const { pathname, search } = parent.location;
  if (lang && lang !== document.documentElement.lang && !location.search.includes("&language="))
    location.replace(`${location.href}&language=${lang}`);
  for (const back of document.querySelectorAll("[name=return_to]")) back.setAttribute("value", pathname + search);
};

addEventListener("click", act);
adapt();

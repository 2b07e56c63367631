// The second layer is a page, shown as a dialog once it is here with its style.

import { all, dialog, part, status } from "./block.js";

// A document that comes this way runs nothing, and needs no policy on trusted types.
/** @param {string} address @returns {Promise<any>} */
const load = address =>
  new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () => done(request.response);
    request.onerror = fail;
    request.send();
  });

export const open = async () => {
  if (dialog.open) return;
  const { href } = part("[data-consent-action=open]");
  try {
    const main = (await load(href)).querySelector("main");
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

/** @param {"category" | "service"} name */
export const ticked = name =>
  Object.fromEntries([...dialog.querySelectorAll(`[name=${name}]:enabled`)].map(box => [box.value, box.checked]));

/** A category's switch moves those of its services, unless another of a service's categories is off. @param {any} event */
export const follow = ({ target }) => {
  if (target.name !== "category" || !dialog.contains(target)) return;
  const categories = ticked("category");
  for (const box of dialog.querySelectorAll("[data-needs]:enabled")) {
    /** @type {string[]} */
    const wanted = box.dataset.needs.split(" ");
    if (wanted.includes(target.value)) box.checked = wanted.every(id => categories[id]);
  }
};

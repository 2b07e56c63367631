// Shows the event stream of the demo: contacts with trackers, cookies on either side of the middleware, what was blocked.
"use strict";
const $ = (id) => document.getElementById(id);
const cookies = new Map();
const counts = new Map();
let total = 0;

const KINDS = {
  "let through": "granted", "shown to the app": "granted", "keeps the choice": "granted",
  "until the browser closes": "partly",
};

const show = {
  contact({ tracker, method, path, at }) {
    counts.set(tracker, (counts.get(tracker) ?? 0) + 1);
    const row = document.querySelector(`[data-tracker="${CSS.escape(tracker)}"]`);
    row.querySelector("output").textContent = counts.get(tracker);
    row.querySelector("em").textContent = `${at} ${method} ${path}`;
    row.classList.add("hit");
    light(row);
    $("total").textContent = ++total;
  },

  exchange({ path, sent, saw, wanted, got }) {
    const own = path.startsWith("/consent/"); // answered by the middleware: the app saw nothing of it
    if (!own) for (const name of sent) note(name, saw.includes(name) ? "shown to the app" : "hidden from the app");
    for (const [name, lasts] of Object.entries({ ...wanted, ...got })) {
      if (got[name] === "deleted") note(name, "taken away");
      else if (!(name in got)) note(name, "kept from the browser");
      else note(name, got[name] !== wanted[name] && name in wanted ? "until the browser closes" : "let through");
    }
    if (own) choice();
  },

  blocked({ text, at }) {
    const line = document.createElement("li");
    const time = Object.assign(document.createElement("time"), { textContent: at });
    line.append(time, text);
    $("said").prepend(line);
  },
};

function note(name, what) {
  if (/^(__Host-)?consent$/.test(name)) what = "keeps the choice";
  const before = cookies.get(name);
  if (!before) {
    const row = $("cookies").insertRow();
    row.insertCell().textContent = name;
    cookies.set(name, Object.assign(document.createElement("span"), { row }));
    row.insertCell().append(cookies.get(name));
    $("none").hidden = !(document.querySelector("table").hidden = false);
  }
  const chip = cookies.get(name);
  if (chip.textContent === what) return;
  chip.className = `chip ${KINDS[what] ?? ""}`;
  chip.textContent = what;
  if (before) light(chip.row);
}

function light(element) {
  element.classList.remove("new");
  void element.offsetWidth; // so that the animation starts again
  element.classList.add("new");
}

async function choice() {
  const { decided, categories } = await (await fetch("/consent/state")).json();
  const items = Object.entries(categories).map(([id, decision]) =>
    Object.assign(document.createElement("li"), {
      textContent: `${id.replaceAll("_", " ")}: ${decision}`, className: decision,
    }));
  $("choice").replaceChildren(...items);
  $("choice").title = decided ? "The visitor has chosen" : "The visitor has not chosen yet";
}

for (const button of document.querySelectorAll("[data-show]"))
  button.addEventListener("click", () => {
    document.body.dataset.shown = button.dataset.show;
    for (const other of document.querySelectorAll("[data-show]"))
      other.setAttribute("aria-pressed", String(other === button));
  });

new EventSource("/watch/events").onmessage = ({ data }) => {
  const event = JSON.parse(data);
  show[event.kind](event);
};
choice();

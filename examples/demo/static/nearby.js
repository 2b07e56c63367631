// Asks the browser for the position when the reader presses the button, and shows what the server made of it.
"use strict";
const outcome = document.getElementById("outcome");
const received = document.getElementById("received");

document.getElementById("locate").addEventListener("click", () => {
  if (window.consent && !window.consent.granted("geolocation")) return ask();
  say("Asking your browser…");
  navigator.geolocation.getCurrentPosition(send, (error) => say(`Your browser did not say where you are: ${error.message}`));
});

async function send({ coords: { latitude, longitude, accuracy } }) {
  const response = await fetch("/nearby", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ latitude, longitude, accuracy }),
  });
  const answer = await response.json();
  if (response.status === 403) return ask();
  received.textContent = JSON.stringify(answer.received, null, 2);
  say(response.ok ? answer.says : `${response.status}: ${answer.says}`);
}

function ask() {
  say("You have not allowed us to know where you are. ");
  const settings = Object.assign(document.createElement("a"), {
    href: "/consent/preferences?return_to=/nearby", textContent: "Allow location", className: "button quiet",
  });
  settings.dataset.consentAction = "open";
  outcome.append(settings);
}

function say(text) {
  outcome.replaceChildren(Object.assign(document.createElement("p"), { textContent: text }));
}

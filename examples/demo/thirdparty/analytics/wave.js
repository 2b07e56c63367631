// Wavecount: a page count, as such tools do it: a first-party cookie, and a message home.
(function () {
  "use strict";
  var home = document.currentScript.src;
  var known = /(?:^|; )_wc_id=([^;]+)/.exec(document.cookie);
  var id = known ? known[1] : Math.random().toString(36).slice(2);
  document.cookie = "_wc_id=" + id + "; path=/; max-age=15552000; SameSite=Lax";
  localStorage.setItem("wavecount.last", location.pathname);
  fetch(new URL("/collect?p=" + encodeURIComponent(location.pathname), home), {
    method: "POST", body: id, mode: "no-cors", keepalive: true,
  }).catch(function () {});
})();

// Tidepool Metrics: tells home every two seconds that the page is still being read.
(function () {
  "use strict";
  var home = new URL("/beat?p=" + encodeURIComponent(location.pathname), document.currentScript.src);
  document.cookie = "_tp_session=" + Date.now() + "; path=/; max-age=1800; SameSite=Lax";
  navigator.sendBeacon(home, "0");
  setInterval(function () {
    if (!document.hidden) navigator.sendBeacon(home, String(Math.round(performance.now())));
  }, 2000);
})();

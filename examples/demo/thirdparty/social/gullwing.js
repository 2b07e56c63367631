// Gullwing: the button under a story.
(function () {
  "use strict";
  document.cookie = "_gw=1; path=/; max-age=15552000; SameSite=Lax";
  document.querySelectorAll("[data-gullwing]").forEach(function (slot) {
    slot.textContent = "♥ 1,204 readers shared this on Gullwing";
  });
})();

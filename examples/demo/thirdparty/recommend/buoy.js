// Buoy Recommend: a module that imports another one and fills its slot.
import { stories } from "./stories.js";

document.cookie = "_buoy=reader; path=/; max-age=7776000; SameSite=Lax";
for (const slot of document.querySelectorAll("[data-buoy]")) {
  const list = document.createElement("ol");
  for (const { title, href } of stories.filter((story) => story.href !== location.pathname).slice(0, 3)) {
    const link = Object.assign(document.createElement("a"), { href, textContent: title });
    list.appendChild(document.createElement("li")).append(link);
  }
  slot.replaceChildren(list);
}

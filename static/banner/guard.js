// The page guard: what a page's own scripts would contact without consent is held back. It is the first script of a
// page. Everybody gets the same code; what this visitor has granted stands on its tag. Who comes for the first time gets
// it in the page itself, so that nothing has to be fetched before something shows.
// Where a browser lacks something, the page goes on as it is.

import { heed } from "./guard/catalog.js";
import { arm } from "./guard/hooks.js";

arm(window);
for (const name of ["ready", "change", "once"]) addEventListener("consent:" + name, heed);

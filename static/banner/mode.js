// Consent mode: the same decision in the words of Google, Microsoft UET and Clarity. It stands in front of every tag, so
// that "denied" is said before one can ask; each later decision is one update.
(() => {
  /** @type {any} */
  const page = window;
  const { vendors = "", keys = "{}", granted = "" } = /** @type {HTMLScriptElement} */ (document.currentScript).dataset;
  /** @typedef {"granted" | "denied"} Verdict */
  // Per vendor and key: lists of ids, of each of which one must be granted.
  /** @type {Record<string, Record<string, string[][]>>} */
  const rules = JSON.parse(keys);
  /** @param {string} vendor @param {Set<string>} ids @returns {Record<string, Verdict>} */
  const verdicts = (vendor, ids) =>
    Object.fromEntries(
      Object.entries(rules[vendor] ?? {}).map(([key, lists]) => [
        key,
        lists.every(list => list.some(id => ids.has(id))) ? "granted" : "denied",
      ]),
    );

  // The queues that the vendors' own scripts look for, as their documentation has them.
  page.dataLayer ??= [];
  page.uetq ??= [];
  /** @type {Record<string, (what: string, values: Record<string, Verdict>) => void>} */
  const tell = {
    google: (what, values) => page.gtag("consent", what, what === "default" ? { ...values, wait_for_update: 500 } : values),
    uet: (what, values) => page.uetq.push("consent", what, values),
    clarity: (_, values) => page.clarity("consentv2", values),
  };
  const active = vendors.split(" ");
  if (active.includes("google"))
    page.gtag ??= function () {
      page.dataLayer.push(arguments);
    };
  if (active.includes("clarity"))
    page.clarity ??= function () {
      (page.clarity.q ??= []).push(arguments);
    };

  let last = "";
  /** @param {string} what @param {string[]} ids */
  const say = (what, ids) => {
    const known = new Set(ids);
    const now = JSON.stringify(active.map(vendor => verdicts(vendor, known)));
    if (now === last) return;
    last = now;
    for (const vendor of active) tell[vendor]?.(what, verdicts(vendor, known));
  };
  say("default", []);
  if (active.includes("google")) page.gtag("set", "ads_data_redaction", true);
  say("update", granted.split(" "));

  /** @param {any} event */
  const decided = ({ detail: { categories, services } }) => {
    const answers = Object.entries({ ...categories, ...services });
    say("update", answers.filter(([, verdict]) => verdict === "granted").map(([id]) => id));
  };
  document.addEventListener("consent:ready", decided);
  document.addEventListener("consent:change", decided);
})();

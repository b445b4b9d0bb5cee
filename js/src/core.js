/*
 * The script that is in every page, as its text. It names the user who was logged in when the server
 * made the page, and loads the embed when the page has loaded. For anything else that may happen, it
 * loads a file: see page.js.
 *
 * The text is the same for everybody, on all pages of all sites. What differs is in its element's
 * data, which becomes the object that this script and the file share. The first script of a document
 * stays in charge: the scripts that visits bring, as Turbo does, hand their data to it. Every element
 * leaves the page, or Turbo would not run the script of a page that is visited again.
 *
 * Each page holds this text, so it is written to be small. It is a block and not a function, since it
 * has no `var`. The shared object is a property of `navigator`, which no markup can replace.
 */

/** @typedef {import('./shared').Happening} Happening */
/** @typedef {import('./shared').Page} Page */
/** @typedef {import('./shared').Entry & PerformanceEntry} Entry */
/** @typedef {import('./shared').Options} User */

{
  const d = document;
  /** @type {HTMLScriptElement | null} */
  const element = d.querySelector('script[data-pavior]');
  if (element) {
    /** @type {Page} */
    const page = JSON.parse(/** @type {string} */ (element.dataset.pavior));
    const first = navigator.pavior;
    element.remove();
    // An opaque origin, such as that of a sandbox, is not the site.
    if (origin !== 'null' && (top === window || page.frames))
      if (first) first.on(page);
      else {
        const entry = /** @type {Entry} */ (performance.getEntriesByType('navigation')[0] || {});
        /** @type {User | undefined} */
        let named;
        /** @type {User} */
        const nobody = {};
        /** Whether the page must name nobody if the file cannot be loaded. */
        let isInDoubt = false;
        /** Whether the file could not be loaded. A page that changes often would load it each time. */
        let isLost = false;
        // Other code may change the page's object, so these keep what the server said.
        const urls = [...page.urls];
        // The policy makes our URLs by their index, and throws for anything else. `<base>` has no effect.
        let policy = {
          /** @param {number} i */
          createScriptURL: (i) => `${new URL(urls[i].trim(), /** @type {any} */ (location))}`,
        };
        try {
          policy = trustedTypes.createPolicy('pavior-middleware', policy);
        } catch {
          // There are no Trusted Types, or the page's policy does not allow the name.
        }

        /** @param {number} i  of `urls` */
        const load = (i) => {
          const script = d.createElement('script');
          script.nonce = element.nonce;
          if (i % 3) script.integrity = page.hash || ''; // of the site's own files
          // A site may answer with a page of its own, and status 200.
          script.onload = script.onerror = () => {
            if (![window.Pavior, page.run, 1, 1][i]) {
              console.warn(`Pavior: cannot load ${urls[i]}`);
              // Offline, the page stays unchanged.
              if (i && isInDoubt && navigator.onLine) page.named = nobody;
              isLost = true;
            }
            page.tell();
          };
          script.src = policy.createScriptURL(i);
          // If React finds an element that it does not know, it renders the whole document again.
          d.head.appendChild(script).remove();
          return script;
        };

        const begin = () => {
          const observer = new MutationObserver(page.on);
          for (const node of [d, d.documentElement, d.body])
            if (node) observer.observe(node, {childList: true}); // the body may not exist yet
          // Nothing is loaded before the visitor is known to consent.
          if (page.ask !== 2) load(0);
        };

        navigator.pavior = Object.assign(page, {
          log: /** @type {Happening[]} */ ([]),
          load,
          nobody,
          // The hmac is masked, since the lengths of compressed pages would reveal its digits.
          /** @param {string} hmac */
          unmask: (hmac) =>
            hmac
              .slice(64)
              .replace(/./g, (digit, i) => (+`0x${digit}` ^ +`0x${hmac[i]}`).toString(16)),
          tell() {
            // With `id=Pavior` in the markup, the global is an element.
            if (/** @type {any} */ (window).Pavior?.call && named !== page.named) {
              named = /** @type {User} */ (page.named);
              const {id = null, email = null, hmac} = named;
              Pavior('init', {...named, ...page.site});
              dispatchEvent(
                new CustomEvent('pavior:identity', {detail: {id, email, authenticated: !!hmac}}),
              );
            }
          },
          /** @param {any} event */
          on(event) {
            // If the file could not be loaded, it is loaded again only for what begins or ends a doubt.
            // `currententrychange`, `htmx:…` and records do neither.
            if (event.persisted === false || (isLost && (event[0] || /^[ch]/.test(event.type))))
              return;
            page.log.push(event);
            // `pageshow`, `pavior:…`, a page that has to ask, and the data of a visit.
            if (/^p/.test(event.type) || event.site) isInDoubt = true;
            // After `pavior:logout` the page names nobody at once, even if the file cannot be loaded.
            if (/ut$/.test(event.type) && page.named) {
              page.left = page.left || page.named;
              page.named = nobody;
              page.tell();
            }
            // Nodes that are only added make no difference.
            /** @type {MutationRecord[]} */
            const records = event[0] ? event : [];
            if (d.hidden !== true && (!event[0] || records.some((each) => each.removedNodes[0])))
              page.load(1);
          },
        });
        if (page.links) load(2); // at once, for the first click may be on a link
        for (const type of 'pageshow visibilitychange online pavior:refresh pavior:logout htmx:afterRequest'.split(
          ' ',
        ))
          addEventListener(type, page.on);
        window.navigation?.addEventListener?.('currententrychange', page.on);

        if (
          page.ask ||
          d.prerendering ||
          entry.activationStart ||
          /_f|-p/.test(`${entry.type}${entry.deliveryType}`) || // back_forward, navigational-prefetch
          navigator.serviceWorker?.controller
        ) {
          page.on({type: 'p'});
        } else {
          const {hmac, user = nobody} = page;
          page.named = user;
          if (hmac) user.hmac = page.unmask(hmac);
          try {
            localStorage.pavior = page.tag;
          } catch {
            // The storage is blocked or full. Then other tabs ask a little later.
          }
        }
        if (page.early || entry.domComplete) begin();
        else addEventListener('load', begin);
      }
  }
}

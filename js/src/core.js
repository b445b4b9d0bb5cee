/*
 * The script that stands in every page, as its text. It names whoever was logged in when the server
 * made the page, and loads the embed when the page has loaded. For anything else that may happen, it
 * loads a file: see page.js.
 *
 * The text is the same for everybody, on all pages of all sites; what differs is in its element's
 * data, which becomes the object that this script and the file share. The first script of a document
 * stays in charge: the scripts that visits bring, as Turbo does, hand their data to it. Every element
 * leaves the page, or Turbo would not run the script of a page that is visited again.
 *
 * It is in each page's bytes, so it is written to be small. It is a block and no function, since
 * nothing in it is a `var`. The shared object is a property of `navigator`, which no markup can take
 * the place of.
 */

/** @typedef {import('./shared').Happening} Happening */
/** @typedef {import('./shared').Page} Page */
/** @typedef {import('./shared').Data} Data */
/** @typedef {import('./shared').Entry & PerformanceEntry} Entry */
/** @typedef {import('./shared').Options} User */

const TYPES = 'pageshow visibilitychange online pavior:refresh pavior:logout htmx:afterRequest';

{
  /** @type {HTMLScriptElement | null} */
  const element = document.querySelector('script[data-pavior]');
  if (element) {
    /** @type {Data} */
    const data = JSON.parse(/** @type {string} */ (element.dataset.pavior));
    const first = navigator.pavior;
    element.remove();
    // An opaque origin, such as that of a sandbox, is not the site.
    if (origin !== 'null' && (parent === self || data.frames))
      if (first) first.on(data);
      else {
        /** @type {Happening[]} */
        const log = [];
        const entry = /** @type {Entry} */ (performance.getEntriesByType('navigation')[0] || {});
        /** @type {User | undefined} */
        let told;
        /** In doubt, who is named if the file cannot be had. @type {User | undefined} */
        let nobody;
        // It makes our URLs by their index, and throws for anything else. `<base>` does not count.
        let policy = {
          /** @param {number} i */
          createScriptURL: (i) => `${new URL(data.urls[i].trim(), /** @type {any} */ (location))}`,
        };
        try {
          policy = /** @type {any} */ (self).trustedTypes.createPolicy('pavior-middleware', policy);
        } catch {
          // There are no Trusted Types, or the page's policy has no place for the name.
        }

        const tell = () => {
          if (self.Pavior && told !== page.named) {
            told = /** @type {User} */ (page.named);
            const {id = null, email = null, hmac} = told;
            self.Pavior('init', {...told, ...page.site});
            const detail = {id, email, authenticated: !!hmac};
            dispatchEvent(new CustomEvent('pavior:identity', {detail}));
          }
        };

        /** @param {0 | 1 | 2 | 3} i  of `urls` */
        const load = (i) => {
          const script = document.createElement('script');
          script.nonce = element.nonce;
          if (i % 3) script.integrity = data.hash || ''; // of the site's own files
          // A site may answer with a page of its own, and status 200.
          script.onload = script.onerror = () => {
            if (![self.Pavior, page.run, 1, 1][i]) {
              console.warn(`Pavior: cannot load ${data.urls[i]}`);
              // Offline, the page stays as it is.
              if (i && navigator.onLine) page.named = nobody || page.named;
            }
            tell();
          };
          script.src = policy.createScriptURL(i);
          // React renders a whole document anew where it finds an element that is not its own.
          document.head.appendChild(script).remove();
          return script;
        };

        /** @param {object} happening */
        const on = (happening) => {
          const event = /** @type {Happening} */ (happening);
          log.push(event);
          if (/^p/.test(/** @type {string} */ (event.type))) nobody = {};
          if (!document.hidden && event.persisted !== false && !event[0]?.addedNodes[0])
            page.load(1);
        };

        const begin = () => {
          const observer = new MutationObserver(on);
          for (const node of [document, document.documentElement, document.body])
            if (node) observer.observe(node, {childList: true}); // the body may still be to come
          // Nothing is loaded before it is known that the visitor consents.
          if (data.ask !== 2) load(0);
        };

        /** @type {Page} */
        const page = Object.assign(data, {on, log, tell, load});
        navigator.pavior = page;
        if (data.links) load(2); // at once, for the first click may be on a link
        for (const type of TYPES.split(' ')) addEventListener(type, on);
        self.navigation?.addEventListener('currententrychange', on);

        if (
          data.ask ||
          document.prerendering ||
          entry.activationStart ||
          /_f|-p/.test(`${entry.type}${entry.deliveryType}`) || // back_forward, navigational-prefetch
          navigator.serviceWorker?.controller
        ) {
          on({type: 'p'});
        } else {
          const {hmac, user = {}} = data;
          page.named = user;
          if (hmac)
            // Masked, since the lengths of compressed pages would tell its digits.
            user.hmac = hmac
              .slice(64)
              .replace(/./g, (digit, i) => (+`0x${digit}` ^ +`0x${hmac[i]}`).toString(16));
          try {
            localStorage.pavior = data.tag;
          } catch {
            // The storage is closed or full: other tabs ask a little later.
          }
        }
        if (data.early || entry.domComplete) begin();
        else addEventListener('load', begin);
      }
  }
}

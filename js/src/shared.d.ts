/*
 * What the script of a page and the file that it loads share.
 */

/** Options of Pavior's init. */
export type Options = Record<string, unknown>;

/** What the server says to the script of a page, as JSON in an attribute of its element. */
export interface Data {
  /** The version of this format. */
  v: 1;
  /** What init gets on every page of the site. */
  site: Options;
  /** Who was logged in when the page was made, and attributes; absent for nobody. */
  user?: Options;
  /** A pad, and behind it the user's hmac XORed with it, each as 64 hex digits. */
  hmac?: string;
  /** A hash that distinguishes the user from others; absent if the page has to ask. */
  tag?: string;
  /**
   * The URLs of the embed, of the file, of the file for links ('' without one), and of share.js of the
   * site that lends the login.
   */
  urls: string[];
  /**
   * 1: the page does not name its user, so its script has to ask. 2: there may be no consent either,
   * and nothing is loaded before the answer. 3: share.js says who is logged in.
   */
  ask?: 1 | 2 | 3;
  /** The hashes of the files, by which a policy may allow them. */
  hash?: string;
  /** Whether a page in a frame has a chat of its own. */
  frames?: boolean;
  /** Whether a later policy of the page would block the embed. */
  early?: boolean;
  /** For share.js, a selector of the chat's bubble. */
  bubble?: string;
  /** The origins to which links take the login along. */
  links?: string[];
}

/**
 * What happened: an event of a window, the records of a MutationObserver, or the data of a page that a
 * visit has brought. `{type: 'p'}` means that the page may be a copy, or that it does not name its user.
 */
export interface Happening {
  type?: string;
  persisted?: boolean;
  site?: Options;
  [record: number]: MutationRecord;
}

/** How a document was loaded, as a `PerformanceNavigationTiming` of the browser says. */
export interface Entry {
  type?: string;
  activationStart?: number;
  deliveryType?: string;
  domComplete?: number;
}

export interface Page extends Data {
  /** What the file has not handled yet; the file replaces this by its own list. */
  log: {push(happening: Happening): unknown};
  /** Record what happened, and load the file for it, or let the file handle it. */
  on(happening: object): void;
  /** Whom the chat names, {} for nobody; absent before that is known. */
  named?: Options;
  /** The value of `named` for nobody: always the same object, so that init is not called again. */
  nobody: Options;
  /** Who has logged out, though the site may not know it yet. */
  left?: Options;
  /** Return the hmac of a page's data in hex. */
  unmask(hmac: string): string;
  /** Call init, if the embed is there and `named` is another object than in the last call. */
  tell(): void;
  /**
   * Load the script at an index of `urls`, and return its element, which has left the page. Once the
   * file is there, index 1 makes it handle what has happened instead.
   */
  load(index: 0 | 1 | 2 | 3): HTMLScriptElement | undefined;
  /** Whether the file is there; the file sets it. */
  run?: boolean;
}

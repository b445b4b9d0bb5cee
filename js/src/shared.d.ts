/*
 * What the script of a page and the file that it loads share.
 */

/** Options of Pavior's init. */
export type Options = Record<string, unknown>;

/** What the server says to the script of a page, as JSON in an attribute of its element. */
export interface Data {
  /** What init gets on every page of the site. */
  site: Options;
  /** Who was logged in when the page was made, and attributes; absent for nobody. */
  user?: Options;
  /** The user's, XORed with a pad that stands behind it, both in one Base64. */
  hmac?: string;
  /** The URL of the embed. */
  embed: string;
  /** The path below which browsers see the site. */
  root?: string;
  /**
   * The page says nothing of users, so its script has to ask. If `first`, there may be no consent,
   * and nothing is loaded before the answer.
   */
  ask?: 'always' | 'first';
  /** The hash of the file, by which a policy may allow it. */
  integrity?: string;
  /** Whether a page in a frame has a chat of its own. */
  frames?: boolean;
  /** Whether a later policy of the page would block the embed. */
  early?: boolean;
  /** The URL of the script by which the page borrows its login. */
  lender?: string;
  /** For that script, a selector of the chat's bubble. */
  bubble?: string;
  /** The origins to which links take the login along. */
  links?: string[];
}

export type PageEvent =
  | 'begin' // the page may be a copy, or says nothing of users
  | 'change' // another tab has told of another user
  | 'links' // the page may have links to borrowers
  | 'look' // the page is looked at long after its user was known
  | 'pageshow' // the page was brought back with its chat
  | 'pavior:logout'
  | 'pavior:refresh';

/** How a document was loaded, as far as the browser tells: a `PerformanceNavigationTiming`. */
export interface Entry {
  type?: string;
  activationStart?: number;
  deliveryType?: string;
}

export interface Page {
  data: Data;
  /** Who the chat names; empty for nobody. */
  user: Options;
  /** When that was last known, in milliseconds; 0 before. */
  since: number;
  /** Counts what has been learned and asked, so that no older answer counts. */
  turn: number;
  /** Who has logged out, though the site may not know it yet. */
  isLeft?: Options | false;
  /** What the file has not handled yet. */
  events: PageEvent[];
  /** Use the data of a page, which may be one that a visit brought into the document. */
  begin(): void;
  /** Name a user, or nobody, with a chat; `isKnown` if the site says so now. */
  show(user: Options, isKnown?: boolean): void;
  /** Name nobody, unless nothing may be loaded yet. */
  nobody(isKnown?: boolean): void;
  /** Load the embed. */
  load(): void;
  /** Load one of the chat's scripts, and return its element. */
  script(url: string, onload?: () => void, onerror?: () => void): HTMLScriptElement;
  /** Hand an event to the file. */
  on(event: PageEvent): void;
  /** Handle the events; the file sets it. */
  run?(): void;
}

/** The widget's function, which its embed defines. */
declare function Pavior(command: 'init', options: object): void;

declare const trustedTypes: {createPolicy<Rules>(name: string, rules: Rules): Rules};

interface Window {
  Pavior?: typeof Pavior & {calls?: unknown; bubble?: HTMLElement | null};
  trustedTypes?: typeof trustedTypes;
  /** Libraries that change pages without loading them. */
  Turbo?: object;
  htmx?: object;
  up?: object;
}

/** Whether the site that serves share.js has a handoff; build.js sets it. */
declare const HANDS_OFF: boolean;

interface Navigator {
  /** What the script of a page and the file that it loads share. */
  pavior?: import('./shared').Page;
}

interface Document {
  /** Whether the page is prerendered, and nobody sees it yet. */
  prerendering?: boolean;
}

/** build.js imports a style sheet as text. */
declare module '*.css' {
  const text: string;
  export default text;
}

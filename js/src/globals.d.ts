/** The widget's function, which its embed defines. */
declare function Pavior(command: 'init', options: object): void;

declare const trustedTypes: {createPolicy<Rules>(name: string, rules: Rules): Rules};

interface Window {
  Pavior?: typeof Pavior & {calls?: unknown};
  trustedTypes?: typeof trustedTypes;
  /** Libraries that change pages without loading them. */
  Turbo?: object;
  htmx?: object;
  up?: object;
}

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

/** What the server gives to the script of a page, which Python puts in. */
declare const ARGUMENTS: [
  url: string,
  options: Record<string, unknown>,
  identity: Record<string, unknown>,
  asks: 'never' | 'restored' | 'always' | 'first',
  inFrames: boolean,
  path: string,
  lender: string,
  bubble: string,
];
/** The same, for the script of links. */
declare const PATTERNS: string[];

interface Window {
  /** The widget's function, which its embed defines. */
  Pavior?: ((command: 'init', options: object) => void) & {calls?: unknown};
  trustedTypes?: {
    createPolicy(
      name: string,
      rules: {createScriptURL(address: string): string},
    ): {createScriptURL(address: string): string};
  };
}

/** build.js imports a style sheet as text. */
declare module '*.css' {
  const text: string;
  export default text;
}

interface Document {
  /** Whether the page is prerendered, and nobody sees it yet. */
  prerendering?: boolean;
}

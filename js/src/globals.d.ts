interface Window {
  /** The widget's function, which its embed defines. */
  Pavior?: ((command: 'init', options: object) => void) & {calls?: unknown};
  trustedTypes?: {
    createPolicy(
      name: string,
      rules: {createScriptURL(url: string): string},
    ): {createScriptURL(url: string): string};
  };
}

interface Document {
  /** Whether the page is prerendered, and nobody sees it yet. */
  prerendering?: boolean;
}

/** The name of the file of page.js, which build.js puts in: it holds a hash of the content. */
declare const FILE: string;

/** build.js imports a style sheet as text. */
declare module '*.css' {
  const text: string;
  export default text;
}

interface Window {
  /** The widget's function, which its embed defines. */
  Pavior?: ((command: 'init', options: object) => void) & {calls?: unknown};
}

/** build.js imports a style sheet as text. */
declare module '*.css' {
  const text: string;
  export default text;
}

// The theme puts each button that copies code into a landmark of its own, and all without a name.
const unmark = () => {
  for (const nav of document.querySelectorAll('nav.md-code__nav:not([role])')) {
    nav.setAttribute('role', 'none')
  }
}
new MutationObserver(unmark).observe(document.documentElement, { childList: true, subtree: true })

/**
 * Replaces Pavior: init appends a widget to the body, once the parser has come to its end.
 *
 * In the middle of the body, it would be an element that React 18 does not expect, with and without
 * the middleware.
 */

window.Pavior = (_method, options) => {
  function show() {
    const widget = document.createElement('div');
    widget.id = 'widget';
    widget.textContent = options.id;
    document.body.append(widget);
    window.isWidgetThere = true;
    window.dispatchEvent(new Event('widget'));
  }
  if (document.readyState !== 'loading') show();
  else document.addEventListener('DOMContentLoaded', show);
};

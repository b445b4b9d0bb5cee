/** Stands in for Pavior: init appends a widget to the body. */

window.Pavior = (_method, options) => {
  function show() {
    const widget = document.createElement('div');
    widget.id = 'widget';
    widget.textContent = options.id;
    document.body.append(widget);
    window.isWidgetThere = true;
    window.dispatchEvent(new Event('widget'));
  }
  if (document.body) show();
  else document.addEventListener('DOMContentLoaded', show);
};

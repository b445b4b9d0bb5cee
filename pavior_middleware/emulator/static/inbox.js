/* Keeps an open inbox page up to date. Without it the page is the same, as of its loading. */
(() => {
  'use strict';

  const live = document.getElementById('live');
  const liveText = document.getElementById('live-text');
  const announcement = document.getElementById('announcement');
  const log = document.getElementById('log');

  let shownVersion = document.documentElement.dataset.version;
  let refreshing = false;
  let newestVersion = shownVersion;

  function showConnection(connected) {
    live.hidden = false;
    live.classList.toggle('off', !connected);
    liveText.textContent = connected ? 'Live' : 'Reconnecting…';
  }

  function messageCounts() {
    const contacts = [...document.querySelectorAll('[data-contact]')];
    return new Map(contacts.map((contact) =>
      [contact.querySelector('a').id, Number(contact.dataset.messageCount)]));
  }

  // The open contact's messages are read by its log.
  function announceNewMessages(before) {
    for (const [id, count] of messageCounts()) {
      const link = document.getElementById(id);
      if (count > (before.get(id) ?? 0) && !link.hasAttribute('aria-current')) {
        announcement.textContent = 'New message from ' + link.querySelector('[data-name]').textContent;
      }
    }
  }

  function replace(part, fresh) {
    if (part.outerHTML === fresh.outerHTML) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : '';
    const scrolled = part.scrollTop;
    part.replaceWith(fresh);
    fresh.scrollTop = scrolled;
    if (focused) document.getElementById(focused)?.focus({preventScroll: true});
  }

  // Messages are added one by one, so that a screen reader reads the new ones only.
  function append(part, fresh) {
    const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    for (const item of [...fresh.children]) {
      if (!document.getElementById(item.id)) part.append(item);
    }
    if (wasAtEnd) log.scrollTop = log.scrollHeight;
  }

  async function refresh() {
    const version = newestVersion;
    const response = await fetch(location.href, {headers: {accept: 'text/html'}});
    if (response.status === 404) {
      location.replace('/');
      return;
    }
    if (!response.ok) throw new Error('HTTP ' + response.status);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const before = messageCounts();
    for (const part of document.querySelectorAll('[data-live]')) {
      const fresh = page.getElementById(part.id);
      if (fresh) (part.dataset.live === 'append' ? append : replace)(part, fresh);
    }
    shownVersion = version;
    announceNewMessages(before);
  }

  async function refreshUntilCurrent() {
    if (refreshing) return;
    refreshing = true;
    try {
      while (shownVersion !== newestVersion) await refresh();
    } catch (error) {
      console.info('The inbox could not be refreshed; the next change tries again.', error);
    } finally {
      refreshing = false;
    }
  }

  const events = new EventSource('/events');
  events.addEventListener('open', () => showConnection(true));
  events.addEventListener('error', () => showConnection(false));
  events.addEventListener('message', (event) => {
    newestVersion = event.data;
    refreshUntilCurrent();
  });

  if (log) log.scrollTop = log.scrollHeight;
})();

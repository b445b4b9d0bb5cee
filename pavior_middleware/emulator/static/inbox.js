/* Keeps an open inbox page up to date. Without it the page is the same, as of its loading. */
(() => {
  'use strict';

  const live = document.getElementById('live');
  const liveText = document.getElementById('live-text');
  const announcement = document.getElementById('announcement');
  const log = document.getElementById('log');

  const root = document.documentElement;
  const LONGEST_LIST = 50; // contacts; then the page is shown anew, with 25
  const SHORTEST_PAUSE = 200; // milliseconds between two refreshes, however much happens

  let shownVersion = root.dataset.version;
  let activity = root.dataset.activity;
  let refreshing = false;
  let newestVersion = shownVersion;

  function showConnection(connected) {
    live.hidden = false;
    live.classList.toggle('off', !connected);
    liveText.textContent = connected ? 'Live' : 'Reconnecting…';
  }

  /* A version is a run and, after a hyphen, a count. In another run, nothing of this page is there. */
  function runOf(version) {
    return version.split('-')[0];
  }

  function messageCounts() {
    const contacts = [...document.querySelectorAll('[data-contact]')];
    return new Map(contacts.map((contact) => [contact.id, Number(contact.dataset.messageCount)]));
  }

  // The open contact's messages are read by its log.
  function announceNewMessages(before) {
    for (const [id, count] of messageCounts()) {
      const line = document.getElementById(id);
      if (count > (before.get(id) ?? 0) && !line.querySelector('[aria-current]')) {
        announcement.textContent = 'New message from ' + line.querySelector('[data-name]').textContent;
      }
    }
  }

  function keepingFocus(change) {
    const focused = document.activeElement;
    const {id} = focused;
    change();
    if (id && !focused.isConnected) document.getElementById(id)?.focus({preventScroll: true});
  }

  function replace(part, fresh) {
    if (part.outerHTML === fresh.outerHTML) return;
    const scrolled = part.scrollTop;
    const opened = part.querySelector('#folded')?.open;
    part.replaceWith(fresh);
    fresh.scrollTop = scrolled;
    if (opened) fresh.querySelector('#folded')?.setAttribute('open', '');
  }

  // Messages are added one by one, so that a screen reader reads the new ones only.
  function append(part, fresh, isWhole) {
    const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const items = [...fresh.children];
    if (isWhole && !items.some((item) => document.getElementById(item.id))) {
      part.replaceChildren(); // too many are new: some that are not here came before them
    }
    for (const item of items) {
      if (!document.getElementById(item.id)) part.append(item);
    }
    document.getElementById('no-messages').hidden = part.children.length > 0;
    if (wasAtEnd) log.scrollTop = log.scrollHeight;
  }

  function update(page, isWhole) {
    for (const part of document.querySelectorAll('[data-live]')) {
      const fresh = page.getElementById(part.id);
      if (fresh) (part.dataset.live === 'append' ? append : replace)(part, fresh, isWhole);
    }
  }

  /* A contact that something happened to comes first, in the list that it belongs to now. */
  function moveUp(line) {
    const people = document.getElementById('people');
    const wrote = line.dataset.messageCount !== '0';
    document.getElementById(line.id)?.remove();
    const isShown = 'first' in people.dataset && !('gone' in line.dataset);
    const silentOnly = 'silentOnly' in people.dataset;
    if (!isShown || (silentOnly && wrote)) return;
    const list = document.getElementById(wrote || silentOnly ? 'entries' : 'folded-entries');
    list.prepend(line);
  }

  function showCounts(page) {
    const folded = document.getElementById('folded');
    if (folded) {
      folded.hidden = !document.getElementById('folded-entries').children.length;
      document.getElementById('silent-count').textContent =
        page.getElementById('silent-count').textContent;
    }
    document.getElementById('nobody').hidden =
      document.querySelectorAll('#people [data-contact]').length > 0;
  }

  async function read(url) {
    const response = await fetch(url, {headers: {accept: 'text/html'}});
    if (response.status === 404) location.replace('/');
    else if (!response.ok) throw new Error('HTTP ' + response.status);
    if (response.status !== 200) return null;
    return new DOMParser().parseFromString(await response.text(), 'text/html');
  }

  /* Fetch and show what has changed; return whether that is enough. */
  async function refreshByChanges() {
    const query = new URLSearchParams(location.search);
    query.set('since', activity);
    if (root.dataset.contactNumber) {
      query.set('contact', root.dataset.contactNumber);
      query.set('after', document.querySelector('#messages > :last-child')?.dataset.number ?? 0);
    }
    const page = await read('/live?' + query);
    if (!page) return false;
    keepingFocus(() => {
      update(page, false);
      page.querySelectorAll('#changed > li').forEach(moveUp);
      showCounts(page);
    });
    activity = page.documentElement.dataset.activity;
    return ![...document.querySelectorAll('.contacts')].some(
      (list) => list.children.length > LONGEST_LIST,
    );
  }

  async function refreshWhole() {
    const page = await read(location.href);
    if (!page) return;
    keepingFocus(() => update(page, true));
    activity = page.documentElement.dataset.activity;
  }

  async function refresh() {
    const version = newestVersion;
    const before = messageCounts();
    const isSameRun = runOf(version) === runOf(shownVersion);
    if (!(isSameRun && (await refreshByChanges()))) await refreshWhole();
    shownVersion = version;
    announceNewMessages(before);
  }

  async function refreshUntilCurrent() {
    if (refreshing) return;
    refreshing = true;
    try {
      while (shownVersion !== newestVersion) {
        await refresh();
        await new Promise((resolve) => setTimeout(resolve, SHORTEST_PAUSE));
      }
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

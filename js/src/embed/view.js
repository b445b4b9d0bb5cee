/*
 * What people see: the bubble, and the panel that it opens.
 */

import {readable} from './clock.js';
import STYLE from './widget.css';

/** @typedef {import('./pavior.js').Answer} Answer */
/** @typedef {import('./pavior.js').History} History */
/** @typedef {import('./pavior.js').Message} Message */
/** @typedef {import('./pavior.js').Options} Options */

/**
 * @typedef {object} Chat
 * @property {() => number} person  a number for who is here now
 * @property {(text: string, sender: number) => Promise<Message>} send  fails for another sender
 * @property {(before: number) => Promise<History | null>} earlier  what was written before a
 *   message; null if somebody else is here by then
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * @param {string} name
 * @param {string} path
 */
function icon(name, path) {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  const line = document.createElementNS(namespace, 'path');
  const look = {
    viewBox: '0 0 24 24',
    fill: 'none',
    stroke: 'currentColor',
    class: name,
    'stroke-width': '2',
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round',
    'aria-hidden': 'true',
  };
  for (const [attribute, value] of Object.entries(look)) svg.setAttribute(attribute, value);
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/** @param {string} moment */
function timeOf(moment) {
  return element('time', {datetime: moment}, readable(new Date(moment), new Date()));
}

/**
 * @param {Options} given
 * @param {string | null} email
 */
function nameIn(given, email) {
  for (const name of [given.firstName, given.name, given.email, email]) {
    if (typeof name === 'string' && name.trim()) return name;
  }
  return '';
}

/** @param {Answer} answer */
function standingOf(answer) {
  if (answer.status === 'anonymous' && !answer.reason) return 'anonymous visitor';
  if (answer.authenticated) return 'authenticated';
  return `${answer.status} – ${answer.reason}`;
}

/** @param {Chat} chat */
export function createView({person, send, earlier}) {
  const title = element('h2', {id: 'title'}, 'Chat with us');
  const greeting = element('p', {});
  const list = element('ol', {});
  const empty = element('p', {class: 'empty'}, 'Write us a message. We read every one.');
  const more = element('button', {class: 'more', type: 'button', hidden: ''}, 'Earlier messages');
  const log = element(
    'div',
    {class: 'log', role: 'log', 'aria-label': 'Messages', tabindex: '0'},
    more,
    empty,
    list,
  );
  const alert = element('div', {id: 'alert', role: 'alert'});
  const box = element('textarea', {
    id: 'message',
    rows: '1',
    autocomplete: 'off',
    maxlength: '10000',
    'aria-describedby': 'alert',
  });
  const button = element('button', {class: 'send', type: 'submit'}, 'Send');
  const form = element(
    'form',
    {},
    alert,
    element('label', {for: 'message'}, 'Message'),
    element('div', {class: 'row'}, box, button),
  );
  const standing = element('p', {class: 'standing'});
  const panel = element(
    'section',
    {class: 'panel', id: 'panel', role: 'dialog', 'aria-labelledby': 'title', hidden: ''},
    element('div', {class: 'head'}, title, greeting),
    log,
    form,
    standing,
  );
  const bubble = element(
    'button',
    {
      class: 'bubble',
      type: 'button',
      'aria-label': 'Open chat',
      'aria-expanded': 'false',
      'aria-controls': 'panel',
    },
    icon('chat', 'M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5Z'),
    icon('cross', 'M6 6l12 12M18 6L6 18'),
  );
  const host = document.createElement('pavior-widget');
  const sheet = new CSSStyleSheet();
  let isWanted = true;
  let feedbackByClicks = false;
  let sending = false;

  sheet.replaceSync(STYLE);
  const shadow = host.attachShadow({mode: 'open'});
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(element('div', {class: 'frame'}, panel, bubble));

  /** @param {boolean} now */
  function setOpen(now) {
    panel.hidden = !now;
    bubble.setAttribute('aria-expanded', String(now));
    bubble.setAttribute('aria-label', now ? 'Close chat' : 'Open chat');
  }

  function open() {
    setOpen(true);
    log.scrollTop = log.scrollHeight;
    box.focus();
  }

  function close() {
    setOpen(false);
    bubble.focus();
  }

  /** @param {Message} message */
  function lineOf(message) {
    const key = `${message.number} ${message.sentAt}`;
    if (Array.from(list.children).some((item) => item.getAttribute('data-key') === key)) return [];
    const item = element('li', {'data-key': key, 'data-number': `${message.number}`});
    item.append(element('p', {}, message.text), timeOf(message.sentAt));
    return [item];
  }

  /** @param {Message} message */
  function add(message) {
    list.append(...lineOf(message));
    empty.hidden = true;
    log.scrollTop = log.scrollHeight;
  }

  async function showEarlier() {
    const first = list.firstElementChild;
    more.disabled = true;
    try {
      const history = await earlier(Number(first?.getAttribute('data-number')));
      if (!history || !first?.isConnected) return;
      const fromEnd = log.scrollHeight - log.scrollTop;
      list.prepend(...history.messages.flatMap(lineOf));
      more.hidden = !history.hasEarlier;
      log.scrollTop = log.scrollHeight - fromEnd; // what was read stays where it was
      if (more.hidden) log.focus();
    } catch (error) {
      complain(`The earlier messages could not be read. ${/** @type {Error} */ (error).message}`);
    } finally {
      more.disabled = false;
    }
  }

  /** @param {string} text */
  function complain(text) {
    alert.className = text ? 'alert' : '';
    alert.textContent = text;
  }

  /** @param {boolean} now */
  function setSending(now) {
    sending = now;
    button.setAttribute('aria-disabled', String(now)); // not `disabled`, which would drop the focus
  }

  async function submit() {
    const text = box.value;
    const sender = person();
    if (sending) return;
    if (!text.trim()) {
      complain('There is nothing to send yet: write a message first.');
      box.focus();
      return;
    }
    setSending(true);
    complain('');
    try {
      const message = await send(text, sender);
      if (sender !== person()) return;
      add(message);
      if (box.value === text) box.value = '';
    } catch (error) {
      const {message} = /** @type {Error} */ (error);
      console.warn('Pavior emulator: the message was not sent:', message);
      if (sender === person()) {
        complain(`Your message could not be sent. It is still here: please try again. ${message}`);
      }
    } finally {
      setSending(false);
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  });
  box.addEventListener('input', () => complain(''));
  more.addEventListener('click', showEarlier);
  bubble.addEventListener('click', () => (panel.hidden ? open() : close()));
  for (const type of ['keydown', 'keypress', 'keyup']) {
    shadow.addEventListener(type, (event) => {
      const {key} = /** @type {KeyboardEvent} */ (event);
      if (type === 'keydown' && key === 'Escape' && !panel.hidden) close();
      event.stopPropagation(); // what is typed here is no shortcut of the page's
    });
  }
  document.addEventListener('click', (event) => {
    const isFourth = event.detail === 4;
    if (feedbackByClicks && isFourth && host.isConnected && event.target !== host) open();
  });

  function place() {
    if (!isWanted) {
      setOpen(false);
      host.remove();
    } else if (!host.isConnected) {
      document.body.append(host);
    }
  }

  function wait() {
    greeting.textContent = '';
    standing.textContent = 'Connecting…';
  }

  return {
    bubble,
    wait,
    /**
     * Take up an init's options; the server's answer comes later.
     *
     * @param {Options} given
     */
    use(given) {
      isWanted = given.doChat !== false;
      feedbackByClicks = given.quadClickForFeedback === true;
      wait();
      if (document.body) place();
      else document.addEventListener('DOMContentLoaded', place, {once: true});
    },
    /** Remove what is shown of the person who was here before. */
    forget() {
      list.replaceChildren();
      empty.hidden = false;
      more.hidden = true;
      box.value = '';
      complain('');
    },
    /**
     * @param {Answer} answer
     * @param {Options} given
     */
    show(answer, given) {
      const name = nameIn(given, answer.email);
      title.textContent = name ? `Hello ${name}` : 'Chat with us';
      greeting.textContent = name ? 'How can we help?' : 'Ask us anything.';
      const warning = answer.warning ? ` – but ${answer.warning}` : '';
      standing.textContent = `Emulator: ${standingOf(answer)}${warning}`;
      if (!list.children.length) more.hidden = !answer.hasEarlier;
      answer.messages.forEach(add);
    },
  };
}

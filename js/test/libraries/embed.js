/**
 * Replaces Pavior: init shows a bubble, in the body or in the root.
 *
 * `embed-body.js` makes a new bubble for each call, as an embed does that begins anew;
 * `embed-root.js` keeps the one it has, and puts it back if it is gone.
 */

const {src} = document.currentScript;
const isInRoot = src.includes('root');
let bubble;

function show() {
  if (!isInRoot || !bubble) {
    bubble?.remove();
    bubble = document.createElement('div');
    bubble.className = 'bubble';
  }
  if (!bubble.isConnected) (isInRoot ? document.documentElement : document.body).append(bubble);
}

window.Pavior = (_command, {email = ''}) => {
  show();
  const body = `${performance.timeOrigin + performance.now()} ${email}`;
  fetch(new URL('call', src), {method: 'POST', body});
};

"use strict";(()=>{function V(e){let[n,o=""]=e.split(/#(.*)/),i=/^pavior-handoff=([\w.-]*)(?=&|$)/.exec(o);if(!i)return null;let c=o.replace(/^(pavior-handoff=[^&]*(&|$))+/,"");return{code:i[1],address:n+(c&&`#${c}`),hasFragment:c!==""}}function R(){let e=V(window.location.href);if(!e)return null;let{code:n,address:o,hasFragment:i}=e;return i&&document.readyState!=="loading"?window.location.replace(o):window.history.replaceState(window.history.state,"",o),n}function N(e,n){return["id","email","hmac","shareAuth"].every(o=>JSON.stringify(e[o])===JSON.stringify(n[o]))}var q="/.well-known/pavior/share.js",B=1e4;function K(e){return e==="localhost"||e.endsWith(".localhost")||e==="127.0.0.1"||e==="[::1]"}function G(e){let n=new URL(`https://${e}${q}`);if(n.username||n.password||n.pathname!==q||n.search||n.hash)throw new TypeError("shareAuth is not a domain");return K(n.hostname)&&(n.protocol=window.location.protocol),n}function D({script:e,code:n,bubble:o,onChange:i}){let c=new Map;function p(d){let u={},m=null;return u.loan=new Promise(P=>{let A=setTimeout(b,B,"share.js tells nothing");function x(a,h){clearTimeout(A);let k=m;if(!(k!==null&&N(k,a))){if(m=a,k===null){P({identity:a,failure:h});return}u.loan=Promise.resolve({identity:a,failure:h}),i(u)}}function b(a){console.info(`Pavior emulator: ${d} lent no identity:`,a),x({},a)}try{let a=document.createElement("script");a.src=G(d).href,a.nonce=e.nonce,Object.assign(a,{code:n,bubble:()=>o(u)}),a.addEventListener("pavior-identity",h=>{x(h.detail)}),a.addEventListener("error",()=>{c.delete(d),b("share.js could not be loaded")}),document.head.append(a)}catch(a){b(a.message)}}),u}return d=>{let u=c.get(d);return u||(u=p(d),c.set(d,u)),u}}var F=`:host {
  all: initial !important;
}
* {
  box-sizing: border-box;
  margin: 0;
  padding: 0;
}
[hidden] {
  display: none !important;
}
.frame {
  --surface: #ffffff;
  --raised: #f5f4f2;
  --line: #e3e0dc;
  --field-line: #8a837b;
  --text: #1c1917;
  --quiet: #5f5953;
  --accent: #0f766e;
  --accent-strong: #0b5c56;
  --on-accent: #ffffff;
  --bad: #b3261e;
  --bad-soft: #fdecea;
  color-scheme: light;
  position: fixed;
  inset-block-end: 1.25rem;
  inset-inline-end: 1.25rem;
  z-index: 2147483647;
  display: flex;
  flex-direction: column;
  align-items: flex-end;
  gap: 0.875rem;
  font:
    15px / 1.5 system-ui,
    -apple-system,
    "Segoe UI",
    Roboto,
    "Noto Sans",
    sans-serif;
  color: var(--text);
  overflow-wrap: anywhere;
  text-align: start;
  pointer-events: none;
}
.frame > * {
  pointer-events: auto;
}
@media (prefers-color-scheme: dark) {
  .frame {
    --surface: #1c1a18;
    --raised: #2a2724;
    --line: #3a3632;
    --field-line: #7d756d;
    --text: #f2efec;
    --quiet: #b0a79e;
    --accent: #5ecabb;
    --accent-strong: #82dccf;
    --on-accent: #06201d;
    --bad: #ffa79f;
    --bad-soft: #3a1a17;
    color-scheme: dark;
  }
}
button {
  font: inherit;
  cursor: pointer;
  border: 0;
  background: var(--accent);
  color: var(--on-accent);
}
button:hover {
  background: var(--accent-strong);
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 3px;
}
.bubble {
  width: 3.5rem;
  height: 3.5rem;
  border-radius: 50%;
  display: grid;
  place-items: center;
  box-shadow:
    0 2px 6px rgb(28 25 23 / 20%),
    0 8px 24px rgb(28 25 23 / 18%);
  transition:
    transform 120ms ease-out,
    background-color 120ms;
}
.bubble:hover {
  transform: scale(1.05);
}
.bubble svg {
  width: 1.625rem;
  height: 1.625rem;
}
.bubble[aria-expanded="true"] .chat,
.bubble[aria-expanded="false"] .cross {
  display: none;
}
.panel {
  width: min(23rem, calc(100vw - 2rem));
  height: min(34rem, calc(100vh - 7.5rem));
  display: flex;
  flex-direction: column;
  overflow: hidden;
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: 18px;
  box-shadow:
    0 4px 12px rgb(28 25 23 / 10%),
    0 16px 48px rgb(28 25 23 / 18%);
  animation: rise 160ms ease-out;
}
@keyframes rise {
  from {
    opacity: 0;
    transform: translateY(0.75rem);
  }
}
.head {
  padding: 1.125rem 1.25rem;
  background: var(--accent);
  color: var(--on-accent);
}
.head h2 {
  font-size: 1.125rem;
  line-height: 1.35;
  letter-spacing: -0.01em;
}
.head p {
  font-size: 0.875rem;
}
.log {
  flex: 1;
  min-height: 0;
  overflow-y: auto;
  padding: 1rem 1.25rem;
}
.log:focus-visible {
  outline-offset: -4px;
}
.log ol {
  list-style: none;
  display: grid;
  gap: 0.75rem;
  justify-items: end;
}
.log li {
  max-width: 85%;
  display: grid;
  justify-items: end;
  gap: 0.1875rem;
}
.log li p {
  padding: 0.5rem 0.8125rem;
  border-radius: 14px 14px 4px;
  white-space: pre-wrap;
  background: var(--accent);
  color: var(--on-accent);
}
.log time {
  font-size: 0.75rem;
  color: var(--quiet);
  font-variant-numeric: tabular-nums;
}
.empty {
  color: var(--quiet);
  text-align: center;
  text-wrap: balance;
  padding: 1.5rem 1rem;
}
form {
  padding: 0.75rem 1rem 0.625rem;
  border-block-start: 1px solid var(--line);
}
label {
  display: block;
  font-size: 0.8125rem;
  font-weight: 600;
  margin-block-end: 0.3125rem;
}
.row {
  display: flex;
  gap: 0.5rem;
  align-items: flex-end;
}
textarea {
  flex: 1;
  min-width: 0;
  min-height: 2.625rem;
  max-height: 8rem;
  resize: none;
  padding: 0.5rem 0.75rem;
  font: inherit;
  color: inherit;
  background: var(--surface);
  border: 1px solid var(--field-line);
  border-radius: 10px;
  field-sizing: content;
}
textarea:focus-visible {
  outline-offset: 0;
}
.send {
  padding: 0 1rem;
  height: 2.625rem;
  border-radius: 10px;
  font-weight: 600;
}
.send[aria-disabled="true"] {
  opacity: 0.65;
  cursor: progress;
}
.alert {
  margin-block-end: 0.5rem;
  padding: 0.4375rem 0.75rem;
  border-radius: 8px;
  font-size: 0.875rem;
  background: var(--bad-soft);
  color: var(--bad);
}
.standing {
  padding: 0 1rem 0.75rem;
  font-size: 0.75rem;
  color: var(--quiet);
}
@media (max-width: 30rem) {
  .frame {
    inset-block-end: 1rem;
    inset-inline-end: 1rem;
  }
  .panel {
    height: calc(100vh - 6.5rem);
    height: calc(100dvh - 6.5rem);
  }
}
@media (prefers-reduced-motion: reduce) {
  *,
  *::before {
    animation: none !important;
    transition: none !important;
  }
  .bubble:hover {
    transform: none;
  }
}
@media (forced-colors: active) {
  button,
  .panel,
  .log li p {
    border: 1px solid;
  }
}
`;function f(e,n,...o){let i=document.createElement(e);for(let[c,p]of Object.entries(n))i.setAttribute(c,p);return i.append(...o),i}function J(e,n){let o="http://www.w3.org/2000/svg",i=document.createElementNS(o,"svg"),c=document.createElementNS(o,"path"),p={viewBox:"0 0 24 24",fill:"none",stroke:"currentColor",class:e,"stroke-width":"2","stroke-linecap":"round","stroke-linejoin":"round","aria-hidden":"true"};for(let[d,u]of Object.entries(p))i.setAttribute(d,u);return c.setAttribute("d",n),i.append(c),i}function Q(e){let o=new Date(e).toLocaleTimeString([],{hour:"2-digit",minute:"2-digit"});return f("time",{datetime:e},o)}function X(e,n){for(let o of[e.firstName,e.name,e.email,n])if(typeof o=="string"&&o.trim())return o;return""}function ee(e){return e.status==="anonymous"&&!e.reason?"anonymous visitor":e.authenticated?"authenticated":`${e.status} \u2013 ${e.reason}`}function U({person:e,send:n}){let o=f("h2",{id:"title"},"Chat with us"),i=f("p",{}),c=f("ol",{}),p=f("p",{class:"empty"},"Write us a message. We read every one."),d=f("div",{class:"log",role:"log","aria-label":"Messages",tabindex:"0"},p,c),u=f("div",{role:"alert"}),m=f("textarea",{id:"message",rows:"1",autocomplete:"off",maxlength:"10000"}),P=f("button",{class:"send",type:"submit"},"Send"),A=f("form",{},u,f("label",{for:"message"},"Message"),f("div",{class:"row"},m,P)),x=f("p",{class:"standing"}),b=f("section",{class:"panel",id:"panel",role:"dialog","aria-labelledby":"title",hidden:""},f("header",{class:"head"},o,i),d,A,x),a=f("button",{class:"bubble",type:"button","aria-label":"Open chat","aria-expanded":"false","aria-controls":"panel"},J("chat","M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5Z"),J("cross","M6 6l12 12M18 6L6 18")),h=document.createElement("pavior-widget"),k=new CSSStyleSheet,y=!0,L=!1,v=!1;k.replaceSync(F);let r=h.attachShadow({mode:"open"});r.adoptedStyleSheets=[k],r.append(f("div",{class:"frame"},b,a));function s(t){b.hidden=!t,a.setAttribute("aria-expanded",String(t)),a.setAttribute("aria-label",t?"Close chat":"Open chat")}function l(){s(!0),d.scrollTop=d.scrollHeight,m.focus()}function O(){s(!1),a.focus()}function S(t){let g=`${t.number} ${t.sentAt}`;if(Array.from(c.children).some(z=>z.getAttribute("data-key")===g))return;let w=f("li",{"data-key":g},f("p",{},t.text));w.append(Q(t.sentAt)),c.append(w),p.hidden=!0,d.scrollTop=d.scrollHeight}function C(t){u.className=t?"alert":"",u.textContent=t}function T(t){v=t,P.setAttribute("aria-disabled",String(t))}async function j(){let t=m.value,g=e();if(!(v||!t.trim())){T(!0),C("");try{let w=await n(t,g);if(g!==e())return;S(w),m.value===t&&(m.value="")}catch(w){let{message:z}=w;console.warn("Pavior emulator: the message was not sent:",z),g===e()&&C("Your message could not be sent. It is still here: please try again.")}finally{T(!1)}}}A.addEventListener("submit",t=>{t.preventDefault(),j()}),m.addEventListener("keydown",t=>{t.key==="Enter"&&!t.shiftKey&&!t.isComposing&&(t.preventDefault(),j())}),a.addEventListener("click",()=>b.hidden?l():O());for(let t of["keydown","keypress","keyup"])r.addEventListener(t,g=>{let{key:w}=g;t==="keydown"&&w==="Escape"&&!b.hidden&&O(),g.stopPropagation()});document.addEventListener("click",t=>{let g=t.detail===4;L&&g&&h.isConnected&&t.target!==h&&l()});function $(){y?h.isConnected||document.body.append(h):(s(!1),h.remove())}function H(){i.textContent="",x.textContent="Connecting\u2026"}return{bubble:a,wait:H,use(t){y=t.doChat!==!1,L=t.quadClickForFeedback===!0,H(),document.body?$():document.addEventListener("DOMContentLoaded",$,{once:!0})},forget(){c.replaceChildren(),p.hidden=!1,m.value="",C("")},show(t,g){let w=X(g,t.email);o.textContent=w?`Hello ${w}`:"Chat with us",i.textContent=w?"How can we help?":"Ask us anything.",x.textContent=`Emulator: ${ee(t)}`,t.messages.forEach(S)}}}var W="pavior-emulator-visitor",E=null;function _(){try{let e=window.localStorage.getItem(W);if(e)return e;let n=E!=null?E:Y();return window.localStorage.setItem(W,n),n}catch(e){return E!=null||(E=Y()),E}}function Y(){let e=window.crypto.getRandomValues(new Uint8Array(16));return Array.from(e,n=>n.toString(16).padStart(2,"0")).join("")}function I(e){return JSON.parse(JSON.stringify(e))}function M(e){let n=R(),o=new URL(".",e.src),i=0,c=0,p=null,d=Promise.resolve(),u={},m=null,P=D({script:e,code:n,bubble:r=>r===m?v.bubble:null,onChange(r){r===m&&(c+=1,v.forget(),v.wait(),b())}});function A(r,s){return fetch(new URL(`widget/${r}`,o),{method:"POST",credentials:"omit",headers:{"content-type":"application/json"},body:JSON.stringify(s)})}async function x(){i+=1;let r=i,s=u;p=null;let l=await(m==null?void 0:m.loan);if(r!==i)return;let O=s.doTracking!==!1,S=await A("init",{options:s,visitor:_(),borrowed:l==null?void 0:l.identity,borrowFailure:l==null?void 0:l.failure,page:O?{url:window.location.href,title:document.title}:void 0});if(!S.ok)throw new Error(`HTTP ${S.status} for init`);let C=await S.json();if(r!==i)return;p=C.session;let{status:T,authenticated:j,reason:$}=C;y.state={status:T,authenticated:j,reason:$,options:I(s)},v.show(C,s),window.dispatchEvent(new CustomEvent("pavior:ready",{detail:I(y.state)}))}function b(){return d=x().catch(r=>{console.warn("Pavior emulator: init failed:",r.message)}),d}async function a(){let r;do r=d,await r;while(r!==d)}async function h(r,s){if(await a(),s!==c)throw new Error("somebody else is here now");return A("messages",{session:p,text:r})}async function k(r,s){await a(),p||b();let l=await h(r,s);if(l.status===410&&(b(),l=await h(r,s)),!l.ok)throw new Error(`HTTP ${l.status}`);return l.json()}function y(r,s){let l;try{l=I(s!=null?s:{})}catch(O){let{message:S}=O;console.error("Pavior emulator: the options are not JSON:",S);return}if(y.calls.push({command:r,options:l}),r!=="init"){console.warn("Pavior emulator: unknown command",r);return}if(l===null||typeof l!="object"||Array.isArray(l)){console.error("Pavior emulator: the options of init are not an object.");return}L(l)}function L(r){N(u,r)||(c+=1,v.forget()),u=r;let{shareAuth:s}=r;m=typeof s=="string"&&s?P(s):null,v.use(r),b()}let v=U({person:()=>c,send:k});return y.calls=[],y.state=null,y.bubble=v.bubble,y}function te(){var n;let e=Object.getOwnPropertyDescriptor(Document.prototype,"currentScript");return(n=e==null?void 0:e.get)==null?void 0:n.call(document)}function ne(){if(typeof window.Pavior=="function"&&Array.isArray(window.Pavior.calls))return;let e=te();e?window.Pavior=M(e):console.error("Pavior emulator: load /embed with a plain <script src>, not as a module.")}ne();})();
/*!
 * The emulator's widget, served as /embed: defines the global function Pavior.
 *
 *   Pavior('init', {teamVanityId, doChat, doTimeTravel, doTracking, quadClickForFeedback,
 *                   id, email, hmac | shareAuth, firstName, lastName, name, phone, ...})
 *
 * For a developer's console and for tests:
 *
 *   Pavior.calls   every call so far: [{command, options}]
 *   Pavior.state   the newest init's result, as in the event below; null until there is one
 *   'pavior:ready' on window, once the server has answered the newest init, and again when the
 *                  login that it borrows has changed; its detail is
 *                  {status: 'anonymous' | 'lead' | 'signup', authenticated, reason, options}
 *
 * An init that a newer one overtakes has no event. Every text from elsewhere is set as text.
 *
 * With `shareAuth`, a domain, the identity is the one that share.js of that domain tells. The embed
 * takes a handoff's code out of the address bar when it is loaded, so load it before other scripts.
 */

(()=>{var B=/^([^#]*)#pavior-handoff=([\w.-]*)(?:&pavior-handoff=[^&]*)*(?:&(.*))?$/;function K(e){let n=B.exec(e);if(!n)return null;let[,o,c,i]=n;return{code:c,address:i?`${o}#${i}`:o}}function M(){let e=K(location.href);if(!e)return null;let{code:n,address:o}=e;return o.includes("#")&&document.readyState!=="loading"?location.replace(o):history.replaceState(history.state,"",o),n}var D=["id","email","hmac"];function N(e,n){return[...D,"shareAuth"].every(o=>JSON.stringify(e[o])===JSON.stringify(n[o]))}var R="/.well-known/pavior/share.js",G=1e4;function Z(e){return e==="localhost"||e.endsWith(".localhost")||e==="127.0.0.1"||e==="[::1]"}function Q(e){let n=new URL(`https://${e}${R}`);if(n.username||n.password||n.pathname!==R||n.search||n.hash)throw new TypeError("shareAuth is not a domain");return Z(n.hostname)&&(n.protocol=window.location.protocol),n}function q({script:e,code:n,bubble:o,onChange:c}){let i=new Map;function p(l){let d={},m=null;return d.loan=new Promise(C=>{let E=setTimeout(b,G,"share.js tells nothing");function x(a,h){clearTimeout(E);let k=m;if(!(k!==null&&N(k,a))){if(m=a,k===null){C({identity:a,failure:h});return}d.loan=Promise.resolve({identity:a,failure:h}),c(d)}}function b(a){console.info(`Pavior emulator: ${l} lent no identity:`,a),x({},a)}try{let a=document.createElement("script");a.src=Q(l).href,a.nonce=e.nonce,Object.assign(a,{code:n,bubble:()=>o(d)}),a.addEventListener("pavior-identity",h=>{x(h.detail)}),a.addEventListener("error",()=>{i.delete(l),b("share.js could not be loaded")}),document.head.append(a)}catch(a){b(a.message)}}),d}return l=>{let d=i.get(l);return d||(d=p(l),i.set(l,d)),d}}var J=`:host {
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
`;function u(e,n,...o){let c=document.createElement(e);for(let[i,p]of Object.entries(n))c.setAttribute(i,p);return c.append(...o),c}function U(e,n){let o="http://www.w3.org/2000/svg",c=document.createElementNS(o,"svg"),i=document.createElementNS(o,"path"),p={viewBox:"0 0 24 24",fill:"none",stroke:"currentColor",class:e,"stroke-width":"2","stroke-linecap":"round","stroke-linejoin":"round","aria-hidden":"true"};for(let[l,d]of Object.entries(p))c.setAttribute(l,d);return i.setAttribute("d",n),c.append(i),c}function ee(e){let o=new Date(e).toLocaleTimeString([],{hour:"2-digit",minute:"2-digit"});return u("time",{datetime:e},o)}function te(e,n){for(let o of[e.firstName,e.name,e.email,n])if(typeof o=="string"&&o.trim())return o;return""}function ne(e){return e.status==="anonymous"&&!e.reason?"anonymous visitor":e.authenticated?"authenticated":`${e.status} \u2013 ${e.reason}`}function W({person:e,send:n}){let o=u("h2",{id:"title"},"Chat with us"),c=u("p",{}),i=u("ol",{}),p=u("p",{class:"empty"},"Write us a message. We read every one."),l=u("div",{class:"log",role:"log","aria-label":"Messages",tabindex:"0"},p,i),d=u("div",{role:"alert"}),m=u("textarea",{id:"message",rows:"1",autocomplete:"off",maxlength:"10000"}),C=u("button",{class:"send",type:"submit"},"Send"),E=u("form",{},d,u("label",{for:"message"},"Message"),u("div",{class:"row"},m,C)),x=u("p",{class:"standing"}),b=u("section",{class:"panel",id:"panel",role:"dialog","aria-labelledby":"title",hidden:""},u("header",{class:"head"},o,c),l,E,x),a=u("button",{class:"bubble",type:"button","aria-label":"Open chat","aria-expanded":"false","aria-controls":"panel"},U("chat","M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5Z"),U("cross","M6 6l12 12M18 6L6 18")),h=document.createElement("pavior-widget"),k=new CSSStyleSheet,y=!0,O=!1,v=!1;k.replaceSync(J);let r=h.attachShadow({mode:"open"});r.adoptedStyleSheets=[k],r.append(u("div",{class:"frame"},b,a));function s(t){b.hidden=!t,a.setAttribute("aria-expanded",String(t)),a.setAttribute("aria-label",t?"Close chat":"Open chat")}function f(){s(!0),l.scrollTop=l.scrollHeight,m.focus()}function P(){s(!1),a.focus()}function S(t){let g=`${t.number} ${t.sentAt}`;if(Array.from(i.children).some(z=>z.getAttribute("data-key")===g))return;let w=u("li",{"data-key":g},u("p",{},t.text));w.append(ee(t.sentAt)),i.append(w),p.hidden=!0,l.scrollTop=l.scrollHeight}function A(t){d.className=t?"alert":"",d.textContent=t}function L(t){v=t,C.setAttribute("aria-disabled",String(t))}async function T(){let t=m.value,g=e();if(!(v||!t.trim())){L(!0),A("");try{let w=await n(t,g);if(g!==e())return;S(w),m.value===t&&(m.value="")}catch(w){let{message:z}=w;console.warn("Pavior emulator: the message was not sent:",z),g===e()&&A("Your message could not be sent. It is still here: please try again.")}finally{L(!1)}}}E.addEventListener("submit",t=>{t.preventDefault(),T()}),m.addEventListener("keydown",t=>{t.key==="Enter"&&!t.shiftKey&&!t.isComposing&&(t.preventDefault(),T())}),a.addEventListener("click",()=>b.hidden?f():P());for(let t of["keydown","keypress","keyup"])r.addEventListener(t,g=>{let{key:w}=g;t==="keydown"&&w==="Escape"&&!b.hidden&&P(),g.stopPropagation()});document.addEventListener("click",t=>{let g=t.detail===4;O&&g&&h.isConnected&&t.target!==h&&f()});function j(){y?h.isConnected||document.body.append(h):(s(!1),h.remove())}function H(){c.textContent="",x.textContent="Connecting\u2026"}return{bubble:a,wait:H,use(t){y=t.doChat!==!1,O=t.quadClickForFeedback===!0,H(),document.body?j():document.addEventListener("DOMContentLoaded",j,{once:!0})},forget(){i.replaceChildren(),p.hidden=!1,m.value="",A("")},show(t,g){let w=te(g,t.email);o.textContent=w?`Hello ${w}`:"Chat with us",c.textContent=w?"How can we help?":"Ask us anything.",x.textContent=`Emulator: ${ne(t)}`,t.messages.forEach(S)}}}var F="pavior-emulator-visitor",$=null;function _(){try{let e=window.localStorage.getItem(F);if(e)return e;let n=$??Y();return window.localStorage.setItem(F,n),n}catch{return $??($=Y()),$}}function Y(){let e=window.crypto.getRandomValues(new Uint8Array(16));return Array.from(e,n=>n.toString(16).padStart(2,"0")).join("")}function I(e){return JSON.parse(JSON.stringify(e))}function V(e){let n=M(),o=new URL(".",e.src),c=0,i=0,p=null,l=Promise.resolve(),d={},m=null,C=q({script:e,code:n,bubble:r=>r===m?v.bubble:null,onChange(r){r===m&&(i+=1,v.forget(),v.wait(),b())}});function E(r,s){return fetch(new URL(`widget/${r}`,o),{method:"POST",credentials:"omit",headers:{"content-type":"application/json"},body:JSON.stringify(s)})}async function x(){c+=1;let r=c,s=d;p=null;let f=await m?.loan;if(r!==c)return;let P=s.doTracking!==!1,S=await E("init",{options:s,visitor:_(),borrowed:f?.identity,borrowFailure:f?.failure,page:P?{url:window.location.href,title:document.title}:void 0});if(!S.ok)throw new Error(`HTTP ${S.status} for init`);let A=await S.json();if(r!==c)return;p=A.session;let{status:L,authenticated:T,reason:j}=A;y.state={status:L,authenticated:T,reason:j,options:I(s)},v.show(A,s),window.dispatchEvent(new CustomEvent("pavior:ready",{detail:I(y.state)}))}function b(){return l=x().catch(r=>{console.warn("Pavior emulator: init failed:",r.message)}),l}async function a(){let r;do r=l,await r;while(r!==l)}async function h(r,s){if(await a(),s!==i)throw new Error("somebody else is here now");return E("messages",{session:p,text:r})}async function k(r,s){await a(),p||b();let f=await h(r,s);if(f.status===410&&(b(),f=await h(r,s)),!f.ok)throw new Error(`HTTP ${f.status}`);return f.json()}function y(r,s){let f;try{f=I(s??{})}catch(P){let{message:S}=P;console.error("Pavior emulator: the options are not JSON:",S);return}if(y.calls.push({command:r,options:f}),r!=="init"){console.warn("Pavior emulator: unknown command",r);return}if(f===null||typeof f!="object"||Array.isArray(f)){console.error("Pavior emulator: the options of init are not an object.");return}O(f)}function O(r){N(d,r)||(i+=1,v.forget()),d=r;let{shareAuth:s}=r;m=typeof s=="string"&&s?C(s):null,v.use(r),b()}let v=W({person:()=>i,send:k});return y.calls=[],y.state=null,y.bubble=v.bubble,y}function re(){return Object.getOwnPropertyDescriptor(Document.prototype,"currentScript")?.get?.call(document)}function oe(){if(typeof window.Pavior=="function"&&Array.isArray(window.Pavior.calls))return;let e=re();e?window.Pavior=V(e):console.error("Pavior emulator: load /embed with a plain <script src>, not as a module.")}oe();})();
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

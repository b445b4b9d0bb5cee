(()=>{var ne=/^([^#]*)#pavior-handoff=([\w.-]*)(?:&pavior-handoff=[^&]*)*(?:&(.*))?$/;function re(e){let n=ne.exec(e);if(!n)return null;let[,o,c,l]=n;return{code:c,address:l?`${o}#${l}`:o}}function U(){let e=re(location.href);if(!e)return null;let{code:n,address:o}=e;return o.includes("#")&&document.readyState!=="loading"?location.replace(o):history.replaceState(history.state,"",o),n}var F=["id","email","hmac"];function M(e,n){return[...F,"shareAuth"].every(o=>JSON.stringify(e[o])===JSON.stringify(n[o]))}function W({id:e,email:n,shareAuth:o,hmac:c}){return{id:e,email:n,shareAuth:o,hmac:!!c}}var Y="/.well-known/pavior/share.js",oe=1e4;function ae(e){return e==="localhost"||e.endsWith(".localhost")||e==="127.0.0.1"||e==="[::1]"}function ie(e){let n=new URL(`https://${e}${Y}`);if(n.username||n.password||n.pathname!==Y||n.search||n.hash)throw new TypeError("shareAuth is not a domain");return ae(n.hostname)&&(n.protocol=window.location.protocol),n}function _({script:e,code:n,bubble:o,onChange:c}){let l=new Map;function f(p){let a={},h=null;return a.loan=new Promise(v=>{let g=setTimeout(E,oe,"share.js tells nothing");function S(i,y){clearTimeout(g);let w=h;if(!(w!==null&&M(w,i))){if(h=i,w===null){v({identity:i,failure:y});return}a.loan=Promise.resolve({identity:i,failure:y}),c(a)}}function E(i){console.info(`Pavior emulator: ${p} lent no identity:`,i),S({},i)}try{let i=document.createElement("script");i.src=ie(p).href,i.nonce=e.nonce,Object.assign(i,{code:n,bubble:()=>o(a)}),i.addEventListener("pavior-identity",y=>{S(y.detail)}),i.addEventListener("error",()=>{l.delete(p),E("share.js could not be loaded")}),document.head.append(i)}catch(i){E(i.message)}}),a}return p=>{let a=l.get(p);return a||(a=f(p),l.set(p,a)),a}}var se="Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");function B(e){return String(e).padStart(2,"0")}function V(e,n){let o=`${B(e.getHours())}:${B(e.getMinutes())}`;return e.toDateString()===n.toDateString()?o:`${e.getDate()} ${se[e.getMonth()]}, ${o}`}var K=`:host {
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
.more {
  display: block;
  margin: 0 auto 0.75rem;
  padding: 0.25rem 0.75rem;
  border: 1px solid var(--field-line);
  border-radius: 99px;
  font-size: 0.8125rem;
  background: var(--surface);
  color: var(--text);
}
.more:hover {
  background: var(--raised);
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
`;function u(e,n,...o){let c=document.createElement(e);for(let[l,f]of Object.entries(n))c.setAttribute(l,f);return c.append(...o),c}function G(e,n){let o="http://www.w3.org/2000/svg",c=document.createElementNS(o,"svg"),l=document.createElementNS(o,"path"),f={viewBox:"0 0 24 24",fill:"none",stroke:"currentColor",class:e,"stroke-width":"2","stroke-linecap":"round","stroke-linejoin":"round","aria-hidden":"true"};for(let[p,a]of Object.entries(f))c.setAttribute(p,a);return l.setAttribute("d",n),c.append(l),c}function le(e){return u("time",{datetime:e},V(new Date(e),new Date))}function de(e,n){for(let o of[e.firstName,e.name,e.email,n])if(typeof o=="string"&&o.trim())return o;return""}function ue(e){return e.status==="anonymous"&&!e.reason?"anonymous visitor":e.authenticated?"authenticated":`${e.status} \u2013 ${e.reason}`}function Z({person:e,send:n,earlier:o}){let c=u("h2",{id:"title"},"Chat with us"),l=u("p",{}),f=u("ol",{}),p=u("p",{class:"empty"},"Write us a message. We read every one."),a=u("button",{class:"more",type:"button",hidden:""},"Earlier messages"),h=u("div",{class:"log",role:"log","aria-label":"Messages",tabindex:"0"},a,p,f),v=u("div",{id:"alert",role:"alert"}),g=u("textarea",{id:"message",rows:"1",autocomplete:"off",maxlength:"10000","aria-describedby":"alert"}),S=u("button",{class:"send",type:"submit"},"Send"),E=u("form",{},v,u("label",{for:"message"},"Message"),u("div",{class:"row"},g,S)),i=u("p",{class:"standing"}),y=u("section",{class:"panel",id:"panel",role:"dialog","aria-labelledby":"title",hidden:""},u("div",{class:"head"},c,l),h,E,i),w=u("button",{class:"bubble",type:"button","aria-label":"Open chat","aria-expanded":"false","aria-controls":"panel"},G("chat","M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5Z"),G("cross","M6 6l12 12M18 6L6 18")),A=document.createElement("pavior-widget"),T=new CSSStyleSheet,x=!0,N=!1,k=!1;T.replaceSync(K);let r=A.attachShadow({mode:"open"});r.adoptedStyleSheets=[T],r.append(u("div",{class:"frame"},y,w));function s(t){y.hidden=!t,w.setAttribute("aria-expanded",String(t)),w.setAttribute("aria-label",t?"Close chat":"Open chat")}function d(){s(!0),h.scrollTop=h.scrollHeight,g.focus()}function O(){s(!1),w.focus()}function C(t){let m=`${t.number} ${t.sentAt}`;if(Array.from(f.children).some(L=>L.getAttribute("data-key")===m))return[];let b=u("li",{"data-key":m,"data-number":`${t.number}`});return b.append(u("p",{},t.text),le(t.sentAt)),[b]}function $(t){f.append(...C(t)),p.hidden=!0,h.scrollTop=h.scrollHeight}async function H(){let t=f.firstElementChild;a.disabled=!0;try{let m=await o(Number(t?.getAttribute("data-number")));if(!m||!t?.isConnected)return;let b=h.scrollHeight-h.scrollTop;f.prepend(...m.messages.flatMap(C)),a.hidden=!m.hasEarlier,h.scrollTop=h.scrollHeight-b,a.hidden&&h.focus()}catch(m){P(`The earlier messages could not be read. ${m.message}`)}finally{a.disabled=!1}}function P(t){v.className=t?"alert":"",v.textContent=t}function j(t){k=t,S.setAttribute("aria-disabled",String(t))}async function J(){let t=g.value,m=e();if(!k){if(!t.trim()){P("There is nothing to send yet: write a message first."),g.focus();return}j(!0),P("");try{let b=await n(t,m);if(m!==e())return;$(b),g.value===t&&(g.value="")}catch(b){let{message:L}=b;console.warn("Pavior emulator: the message was not sent:",L),m===e()&&P(`Your message could not be sent. It is still here: please try again. ${L}`)}finally{j(!1)}}}E.addEventListener("submit",t=>{t.preventDefault(),J()}),g.addEventListener("keydown",t=>{t.key==="Enter"&&!t.shiftKey&&!t.isComposing&&(t.preventDefault(),J())}),g.addEventListener("input",()=>P("")),a.addEventListener("click",H),w.addEventListener("click",()=>y.hidden?d():O());for(let t of["keydown","keypress","keyup"])r.addEventListener(t,m=>{let{key:b}=m;t==="keydown"&&b==="Escape"&&!y.hidden&&O(),m.stopPropagation()});document.addEventListener("click",t=>{let m=t.detail===4;N&&m&&A.isConnected&&t.target!==A&&d()});function R(){x?A.isConnected||document.body.append(A):(s(!1),A.remove())}function q(){l.textContent="",i.textContent="Connecting\u2026"}return{bubble:w,wait:q,use(t){x=t.doChat!==!1,N=t.quadClickForFeedback===!0,q(),document.body?R():document.addEventListener("DOMContentLoaded",R,{once:!0})},forget(){f.replaceChildren(),p.hidden=!1,a.hidden=!0,g.value="",P("")},show(t,m){let b=de(m,t.email);c.textContent=b?`Hello ${b}`:"Chat with us",l.textContent=b?"How can we help?":"Ask us anything.";let L=t.warning?` \u2013 but ${t.warning}`:"";i.textContent=`Emulator: ${ue(t)}${L}`,f.children.length||(a.hidden=!t.hasEarlier),t.messages.forEach($)}}}var Q="pavior-emulator-visitor",D=null;function ee(){try{let e=window.localStorage.getItem(Q);if(e)return e;let n=D??X();return window.localStorage.setItem(Q,n),n}catch{return D??(D=X()),D}}function X(){let e=window.crypto.getRandomValues(new Uint8Array(16));return Array.from(e,n=>n.toString(16).padStart(2,"0")).join("")}function z(e){return JSON.parse(JSON.stringify(e))}async function I(e){return new Error(`${await e.text()} (HTTP ${e.status})`)}function te(e){let n=U(),o=new URL(".",e.src),c=0,l=0,f=null,p=Promise.resolve(),a={},h=null,v=null,g=_({script:e,code:n,bubble:r=>r===v?k.bubble:null,onChange(r){r===v&&(l+=1,k.forget(),k.wait(),i())}});function S(r,s){return fetch(new URL(`widget/${r}`,o),{method:"POST",credentials:"omit",headers:{"content-type":"application/json"},body:JSON.stringify(s)})}async function E(){c+=1;let r=c,s=a;f=null;let d=await v?.loan;if(r!==c)return;let O=s.doTracking!==!1,C=await S("init",{options:s,visitor:ee(),borrowed:d?.identity,borrowFailure:d?.failure,former:h,page:O?{url:window.location.href,title:document.title}:void 0});if(!C.ok)throw await I(C);let $=await C.json();if(r!==c)return;f=$.session;let{status:H,authenticated:P,reason:j}=$;x.state={status:H,authenticated:P,reason:j,options:z(s)},k.show($,s),$.warning&&console.warn(`Pavior emulator: ${$.warning}. The last call counts.`),window.dispatchEvent(new CustomEvent("pavior:ready",{detail:z(x.state)}))}function i(){return p=E().catch(r=>{console.warn("Pavior emulator: init failed:",r.message)}),p}async function y(){let r;do r=p,await r;while(r!==p)}async function w(r,s){if(await y(),s!==l)throw new Error("somebody else is here now");return S("messages",{session:f,text:r})}async function A(r,s){await y(),f||i();let d=await w(r,s);if(d.status===410&&(i(),d=await w(r,s)),!d.ok)throw await I(d);return d.json()}async function T(r){let s=l,d=await S("earlier",{session:f,before:r});if(!d.ok)throw await I(d);let O=await d.json();return s===l?O:null}function x(r,s){let d;try{d=z(s??{})}catch(O){let{message:C}=O;console.error("Pavior emulator: the options are not JSON:",C);return}if(x.calls.push({command:r,options:d}),r!=="init"){console.warn("Pavior emulator: unknown command",r);return}if(d===null||typeof d!="object"||Array.isArray(d)){console.error("Pavior emulator: the options of init are not an object.");return}N(d)}function N(r){M(a,r)||(c&&(h=W(a)),l+=1,k.forget()),a=r;let{shareAuth:s}=r;v=typeof s=="string"&&s?g(s):null,k.use(r),i()}let k=Z({person:()=>l,send:A,earlier:T});return x.calls=[],x.state=null,x.bubble=k.bubble,x}function fe(){return Object.getOwnPropertyDescriptor(Document.prototype,"currentScript")?.get?.call(document)}function me(){if(typeof window.Pavior=="function"&&Array.isArray(window.Pavior.calls))return;let e=fe();e?window.Pavior=te(e):console.error("Pavior emulator: load /embed with a plain <script src>, not as a module.")}me();})();
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

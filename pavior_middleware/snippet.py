"""Settings and an identity in, the script that goes into the page out."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from .domains import is_loopback, split_port
from .identity import Identity, IdentityRefused, signed_options
from .links import LINKS
from .settings import RESERVED_OPTIONS, Settings
from .well_known import SHARE_AUTH, SHARE_SCRIPT
from .whitelist import Whitelist

TRUSTED_TYPES_POLICY = "pavior-middleware"
"""The name under which the script makes a URL that Trusted Types accept."""

# Holds no "<", ">" or "&", so that it stands in XHTML as it stands in HTML. The state is kept under
# a symbol, which markup with an id of the same name cannot take the place of. The script takes
# itself out of the page: Turbo runs no script of a new page that the old one still holds, so the
# chat would stay with whoever came before when a user comes back.
#
# A page may have been made for another moment: it was prefetched or prerendered, or comes from the
# back button or from a service worker. So it asks who is logged in before it names anybody, and a
# prerendered page waits until it is opened. So does each page that is fetched into such a one: what
# it fetches may come from the same cache. A worker that only passes pages on looks like any other,
# and not all browsers have `workerStart`.
#
# A page from the back/forward cache has a live chat. If it was made for a user who is gone, it is
# replaced by a fresh one; not by a reload, which would send a form again that the page was the
# answer to. If no answer comes, the page names nobody and keeps what was typed into it; offline, it
# stays as it is. The next look at the page, or the network's return, asks again.
#
# Pages in other tabs tell of a change by a digest in localStorage, 32 bits of who was named. When a
# page becomes visible again, it asks if the digest is not the one that it has seen; if the page
# names somebody, also once the last answer is 10 seconds old. Such a routine question changes
# nothing if it fails. If the digest changes while a question is open, the page asks again, or the
# answer would hide the change from the other tabs. Of several questions, only the answer to the
# newest counts, and an identity that came with a page is newer than any question before it.
#
# The question goes to the page's own origin, whatever its `<base>` says, or a global variable of
# the page named `origin`. Its answer sets who is chatting, and never an option of the site's. In an
# opaque origin, such as that of a sandbox, the page is not the site's, so nobody is named there and
# nothing is loaded. The embed is loaded meanwhile, while a policy that a `<meta>` sets does not
# rule yet; but not before it is known that the visitor consents.
#
# The elements of the scripts that it loads leave the page at once: React renders a whole document
# anew where it finds an element in the head that it has not put there.
#
# The Trusted Types policy makes the script's own URLs and throws for others, and no later script
# of the page gets hold of it. The first run creates it at once, so that no later script takes its
# name, and makes all elements that the page needs. So a later run creates no second policy, which a
# `trusted-types` directive would forbid.
#
# A page that borrows its login loads share.js of the site that lends it, and hands it the code of
# a handoff, which it takes out of the address bar at once. Where there is no share.js, init is
# called with `shareAuth`, and the embed may know what to do.
_BEFORE = (
    """(function (window, document, url, options, identity, asks, inFrames, path, lender, bubble) {
var key = Symbol.for('pavior-middleware'), state = window[key], isFirst = !state;
var self = Object.getOwnPropertyDescriptor(Document.prototype, 'currentScript').get.call(document);
if (self) self.remove();
if (window.origin === 'null') return;
if (!inFrames) if (window.parent !== window) return;
function warn(error) {
var why = error ? ': ' + error.message : '';
console.warn('Pavior: the chat could not be loaded from ' + url + why);
}
function init() {
var text = JSON.stringify(state.options);
if (!state.ready || state.text === text) return;
state.text = text;
window.Pavior('init', state.options);
}
var policy;
function makePolicy() {
var rules = {createScriptURL: function (made) {
if (made === url) return made;
if (lender) if (made === lender) return made;
throw new TypeError('Pavior: not a URL of the chat');
}};
try {
if (window.trustedTypes) return window.trustedTypes.createPolicy('"""
    + TRUSTED_TYPES_POLICY
    + """', rules);
} catch (error) { warn(error); }
return rules;
}
function element(address) {
var script = document.createElement('script');
if (!policy) policy = makePolicy();
if (self) if (self.nonce) script.nonce = self.nonce;
script.src = policy.createScriptURL(address);
return script;
}
function load() {
if (state.loads) return;
state.loads = true;
var script = element(url);
script.onerror = function () { warn(); };
script.onload = function () {
if (typeof window.Pavior !== 'function') return warn();
state.ready = true;
init();
};
document.head.appendChild(script).remove();
}
function takeCode() {
var page = window.location.href.split('#')[0], fragment = window.location.hash.slice(1);
var code = /^pavior-handoff=([\\w.-]*)/.exec(fragment);
if (!code) return null;
var rest = fragment.replace(/^(pavior-handoff=[^\\x26]*(\\x26|$))+/, '');
if (rest) page += '#' + rest;
window.history.replaceState(window.history.state, '', page);
return code[1];
}
function borrow() {
if (state.borrows) return;
state.borrows = true;
state.load();
var script = element(lender);
script.code = takeCode();
if (bubble) script.dataset.bubble = bubble;
script.addEventListener('pavior-identity', function (event) {
delete options.shareAuth;
show(event.detail);
});
script.onerror = function () { show({}); };
document.head.appendChild(script).remove();
}
function show(identity) {
if (!identity) if (!state.text) return;
var all = Object.assign({}, options), taken = Object.keys(options);
Object.keys(identity || {}).forEach(function (name) {
if (taken.concat('shareAuth', '__proto__').indexOf(name) === -1) all[name] = identity[name];
});
state.options = all;
state.load();
init();
}
var names = ['id', 'email', 'hmac'], place = 'pavior-middleware';
function namesSomebody(user) {
return user ? names.some(function (name) { return user[name]; }) : false;
}
function digest(user) {
var sum = 0, text = JSON.stringify(names.map(function (name) { return user[name]; }));
text.split('').forEach(function (letter) {
sum = Math.imul(sum, 31) + letter.charCodeAt(0) | 0;
});
return String(sum);
}
function lastSeen() {
try { return window.localStorage.getItem(place); } catch (error) { return null; }
}
function decide(user) {
try {
if (user) window.localStorage.setItem(place, digest(user));
else window.localStorage.removeItem(place);
} catch (error) {}
state.number += 1;
state.seen = lastSeen();
state.time = Date.now();
state.isNamed = namesSomebody(user);
state.doubts = state.restored = false;
show(user);
}
function ask(answered, failed) {
var site = window.location.origin, question = new URL(path, site);
if (question.origin !== site) return failed(new Error(question + ' is not on this site'));
var request = {cache: 'no-store', credentials: 'same-origin', redirect: 'error'};
window.fetch(question, request).then(function (response) {
if (!response.ok) throw new Error('HTTP ' + response.status + ' for ' + response.url);
return response.json();
}).then(answered, failed);
}
function makeWay() { window.location.replace(window.location.href.split('#')[0]); }
function check() {
var number = state.number += 1;
state.seen = lastSeen();
state.time = Date.now();
state.failed = false;
ask(function (now) {
function isSame(name) { return now[name] === identity[name]; }
if (number !== state.number) return;
if (lastSeen() !== state.seen) return check();
if (asks !== 'restored') decide(now);
else if (now ? names.every(isSame) : false) decide(identity);
else if (state.restored ? namesSomebody(identity) : false) makeWay();
else decide(now);
}, function (error) {
if (number !== state.number) return;
state.failed = true;
if (!state.doubts) return;
if (asks !== 'restored') warn(error);
if (asks === 'restored' || state.text) if (window.navigator.onLine) show({});
});
}
function look() {
if (document.visibilityState === 'hidden') return;
var isOld = state.isNamed ? Math.floor((Date.now() - state.time) / 10000) : 0;
if (lastSeen() !== state.seen) state.doubts = isOld = true;
if (isOld || (state.doubts ? state.failed : false)) check();
}
function isOfAnotherMoment() {
var worker = window.navigator.serviceWorker, entries = window.performance;
var entry = entries.getEntriesByType('navigation')[0] || {};
if (entry.type === 'back_forward' || entry.deliveryType === 'navigational-prefetch') return true;
return entry.activationStart || entry.workerStart || (worker ? worker.controller : false);
}
if (isFirst) {
state = window[key] = {load: load, number: 0};
policy = makePolicy();
window.addEventListener('pageshow', function (event) {
if (!event.persisted || !state.check) return;
state.doubts = state.restored = true;
state.check();
});
[[window, 'online'], [document, 'visibilitychange']].forEach(function (source) {
source[0].addEventListener(source[1], function () { if (state.look) state.look(); });
});
}
if (document.prerendering !== true) return start(false);
if (!lender) if (asks !== 'first') state.load();
document.addEventListener('prerenderingchange', function () { start(true); }, {once: true});
function start(isOld) {
if (lender) return borrow();
state.check = check;
state.look = look;
if (asks === 'restored') if (!isOld) if (!isOfAnotherMoment()) return decide(identity);
state.doubts = true;
if (asks !== 'first') state.load();
check();
}
})(window, document, """
)
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Snippet:
    """The script of one page, and what caches and policies need to know of it.

    `text` is what stands between the tags, in pure ASCII. `is_personal` tells that it names
    somebody. `asks` tells that it may ask the site who is logged in, by a fetch of its own origin.
    `lender_url` is that of the script by which it borrows a login, if it does.
    """

    text: str
    is_personal: bool
    asks: bool
    lender_url: str | None = None

    def element(self, nonce: str | None = None) -> bytes:
        """Return the `<script>` element, with the nonce of the page's policy if it has one."""
        attribute = "" if nonce is None else f' nonce="{nonce}"'
        return f"<script{attribute}>{self.text}</script>".encode("ascii")

    @cached_property
    def csp_hash(self) -> str:
        """The source expression that allows this very script (CSP Level 3, section 2.3.1)."""
        return f"'sha256-{base64.b64encode(self._digest).decode()}'"

    @cached_property
    def mark(self) -> str:
        """22 letters, digits, `-` and `_` that tell this script from others."""
        return base64.urlsafe_b64encode(self._digest[:_DIGEST_BYTES]).decode().rstrip("=")

    @cached_property
    def _digest(self) -> bytes:
        return hashlib.sha256(self.text.encode("ascii")).digest()


def identity_options(settings: Settings, identity: Identity | None) -> dict[str, object]:
    """Return the init options that come from the identity: attributes, `id`, `email`, `hmac`.

    Raises `IdentityRefused` for what `signed_options` refuses, for an attribute that has the name
    of an option that is not an attribute, and for attributes that are not JSON values.
    """
    if identity is None:
        return {}
    reserved = RESERVED_OPTIONS.intersection(identity.attributes)
    if reserved:
        raise IdentityRefused(
            f"attributes must not set {', '.join(sorted(reserved))}: pass id and email as the"
            " identity's own fields, and leave the rest to the settings"
        )
    options = {**identity.attributes, **signed_options(settings.api_key, identity)}
    try:
        # The second raises for text that is not Unicode.
        json.dumps(options, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise IdentityRefused(
            f"the attributes are not JSON values ({type(error).__name__}): pass Unicode text,"
            " numbers, booleans, lists and mappings of these"
        ) from None
    return options


def site_options(settings: Settings) -> dict[str, object]:
    """Return the init options that are the same for everyone, in Pavior's documentation's order."""
    options: dict[str, object] = {
        "teamVanityId": settings.team_vanity_id,
        "doChat": settings.do_chat,
        "doTimeTravel": settings.do_time_travel,
        **settings.init_options,
    }
    return options if settings.share_auth is None else {**options, "shareAuth": settings.share_auth}


def render(
    settings: Settings,
    identity: Identity | None = None,
    *,
    asks_consent: bool = False,
    must_ask: bool = False,
    root_path: str = "",
) -> Snippet:
    """Return the script that loads the embed and calls init once.

    It means the same in every ASCII-compatible charset, and no text in it can end the script, open
    a comment (WHATWG HTML section 4.12.1.3) or break XHTML. Run again on the same page with the
    same options it does nothing; with others it calls init again.

    With `share_auth` set the page borrows its login, and with `cacheable_pages` or `must_ask` its
    script asks who is logged in when it runs: in all three the identity is left out. `asks_consent`
    tells that the answer may be that there is no consent. `root_path` is the path below which the
    site stands as the request has it, as text. Where a page may be stored for everyone, as one that
    names nobody may, it does not count, since a request could choose it for others; the setting
    `root_path` does.

    Raises `IdentityRefused` for what `identity_options` refuses.
    """
    named: dict[str, object] = {}
    asks = "never"
    if settings.share_auth is None:
        if settings.cacheable_pages or must_ask:
            asks = "first" if asks_consent else "always"
        else:
            named = identity_options(settings, identity)
            asks = "restored"
    below = root_path if named or must_ask else ""
    path = "" if asks == "never" else _share_auth_path(settings, below)
    lender = lender_url(settings)
    arguments = (
        *(settings.embed_url, site_options(settings), named, asks, settings.inject_in_frames, path),
        *(lender or "", settings.bubble or ""),
    )
    text = _links(settings) + _call(_BEFORE, *arguments)
    return Snippet(text, is_personal=bool(named), asks=asks != "never", lender_url=lender)


def _share_auth_path(settings: Settings, root_path: str) -> str:
    """Return the path at which the script asks, as a URL has it: it begins with a single slash."""
    if settings.root_path is not None or settings.cacheable_pages:
        root_path = settings.root_path or ""
    return quote("".join(f"/{part}" for part in root_path.split("/") if part) + SHARE_AUTH)


def lender_url(settings: Settings) -> str | None:
    """Return the URL of the script that borrows the login; None on a site with users of its own.

    A site on this machine is asked by http where its borrower's pages are, so its URL has no scheme
    (WHATWG URL section 4.3) and takes theirs.
    """
    if settings.share_auth is None:
        return None
    host, _ = split_port(settings.share_auth)
    return f"{'' if is_loopback(host) else 'https:'}//{settings.share_auth}{SHARE_SCRIPT}"


def _links(settings: Settings) -> str:
    """Return the script that takes the login along where a link leads to a borrower."""
    if not settings.hands_off:
        return ""
    return _links_to(tuple(settings.shared_auth_domains))


@lru_cache(maxsize=16)  # the same for every page of a site
def _links_to(domains: tuple[str, ...]) -> str:
    return _call(LINKS, Whitelist(domains).patterns) + "\n"


def _call(function: str, *arguments: Any) -> str:
    return f"{function}{', '.join(map(_script_json, arguments))});"


def _script_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False).translate(_ESCAPES)

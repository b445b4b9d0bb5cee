"""Settings and an identity in, the bytes that go into the page out."""

from __future__ import annotations

import json
from typing import Any

from .identity import Identity, IdentityRefused, signed_options
from .settings import RESERVED_OPTIONS, Settings

# Holds no "<", ">" or "&", so that it stands in XHTML as it stands in HTML. The state is kept under
# a symbol, which markup with an id of the same name cannot take the place of. The script takes
# itself out of the page: Turbo runs no script of a new page that the old one still holds, so the
# chat would stay with whoever came before when a user comes back.
_BEFORE = """<script>(function (window, document, url, options) {
var key = Symbol.for('pavior-middleware'), text = JSON.stringify(options), state = window[key];
var self = document.currentScript;
if (self) self.remove();
function init() { window.Pavior('init', state.options); }
function warn() { console.warn('Pavior: the chat could not be loaded from ' + url); }
if (state) {
if (state.text === text) return;
state.text = text; state.options = options;
if (state.ready) init();
return;
}
state = window[key] = {text: text, options: options, ready: false};
var script = document.createElement('script');
if (self) if (self.nonce) script.nonce = self.nonce;
script.src = url;
script.onerror = warn;
script.onload = function () {
if (typeof window.Pavior !== 'function') return warn();
state.ready = true;
init();
};
document.head.appendChild(script);
})(window, document, """
_AFTER = ");</script>"

_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def init_options(settings: Settings, identity: Identity | None) -> dict[str, object]:
    """Return the options for `Pavior('init', …)`, in the order of Pavior's documentation.

    With `share_auth` set, the page borrows its login and the identity is left out. Raises
    `IdentityRefused` for what `signed_options` refuses, and for an attribute that has the name of
    an option that is not an attribute.
    """
    options: dict[str, object] = {
        "teamVanityId": settings.team_vanity_id,
        "doChat": settings.do_chat,
        "doTimeTravel": settings.do_time_travel,
        **settings.init_options,
    }
    if settings.share_auth is not None:
        return {**options, "shareAuth": settings.share_auth}
    if identity is None:
        return options
    reserved = RESERVED_OPTIONS.intersection(identity.attributes)
    if reserved:
        raise IdentityRefused(
            f"attributes must not set {', '.join(sorted(reserved))}: pass id and email as the"
            " identity's own fields, and leave the rest to the settings"
        )
    return {**options, **identity.attributes, **signed_options(settings.api_key, identity)}


def render(settings: Settings, identity: Identity | None = None) -> bytes:
    """Return the `<script>` element that loads the embed and calls init once, in pure ASCII.

    It means the same in every ASCII-compatible charset, and no text in it can end the script, open
    a comment (WHATWG HTML section 4.12.1.3) or break XHTML. Run again on the same page with the
    same options it does nothing; with others it calls init again. Raises `IdentityRefused` for what
    `init_options` refuses and for attributes that are not JSON values.
    """
    options = init_options(settings, identity)
    try:
        json.dumps(options, ensure_ascii=False).encode()  # raises for text that is not Unicode
        arguments = f"{_script_json(settings.embed_url)}, {_script_json(options)}"
    except (TypeError, ValueError, RecursionError) as error:
        raise IdentityRefused(
            f"the attributes are not JSON values ({type(error).__name__}): pass Unicode text,"
            " numbers, booleans, lists and mappings of these"
        ) from None
    return (_BEFORE + arguments + _AFTER).encode("ascii")


def _script_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False).translate(_ESCAPES)

"""Fourteen mistakes that people make, where each becomes visible, and what the message says to do.

Where a message names what to write, such as a setting or a source of a policy, the mend
takes that from the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from werkzeug.wrappers import Request

from pavior_middleware import Identity, sign
from tests.support.sites import API_KEY, TEAM

from .shops import ADA, BORROWER, EMBED_URL, HELP, LENDER, SHOP, USUAL, Shop, Town, ada_by_id
from .town import Seen

Named = re.Match[str]
"""What a message names."""

Where = Literal["start-up", "log", "emulator"]


@dataclass(frozen=True)
class Way:
    """One way in which a mistake becomes visible, and the mend.

    `where` is the code of a finding, or another place. `says` is a regular expression that the
    message matches as a whole or in part; `mend` gets the town and that match.
    """

    where: str
    says: str
    mend: Callable[[Town, Named], Town]

    def message(self, seen: Seen) -> str:
        """Return what there is to read at this place; '' if there is nothing."""
        others = {"start-up": seen.start_up, "log": seen.log, "emulator": seen.emulator}
        found = {**seen.findings, **others}.get(self.where, "")
        return " ".join(found.split())


@dataclass(frozen=True)
class Mistake:
    """A town in which one thing is wrong, and each way in which its owner gets to know that."""

    name: str
    town: Town
    ways: tuple[Way, ...]


def of_shop(shop: Shop) -> Town:
    return Town({SHOP: shop})


def doing(change: Callable[[Shop], Shop]) -> Callable[[Town, Named], Town]:
    """Return a correction that changes the shop, for any message."""
    return lambda town, named: town.with_shop(change(town.shops[SHOP]))


def renamed(town: Town, named: Named) -> Town:
    """Give a setting the name that the message proposes."""
    shop = town.shops[SHOP]
    changes = {named["wrong"]: None, named["right"]: shop.settings[named["wrong"]]}
    return town.with_shop(shop.with_settings(**changes))


# ── Keys and settings ──────────────────────────────────────────────────────────────────────────


def with_key_of_pavior(town: Town, named: Named) -> Town:
    """Copy the key from Pavior's settings page, which has the one that the emulator knows."""
    shop = town.shops[SHOP].with_settings(**{named["setting"]: API_KEY})
    return town.with_shop(shop)


WRONG_KEY = Mistake(
    "the API key is not the one that Pavior has",
    of_shop(USUAL.with_settings(PAVIOR_API_KEY="the-key-of-another-team-of-ours")),
    (
        Way(
            "hmac-wrong", r"Copy the API key .* to (?P<setting>PAVIOR_API_KEY)", with_key_of_pavior
        ),
        Way("emulator", r"^lead: hmac does not match the id$", doing(lambda shop: USUAL)),
    ),
)

MISSPELT_SETTING = Mistake(
    "a setting is misspelt",
    of_shop(
        USUAL.with_settings(PAVIOR_SHARED_AUTH_DOMAIN=HELP, PAVIOR_SECRET_KEY="s" * 32),
    ),
    (
        Way(
            "start-up",
            r"(?P<wrong>PAVIOR_\w+) is not a setting: did you mean (?P<right>PAVIOR_\w+)\?",
            renamed,
        ),
    ),
)

MISSPELT_PREFIX = Mistake(
    "the prefix of a required setting is misspelt",
    of_shop(USUAL.with_settings(PAVIOR_API_KEY=None, PAVOIR_API_KEY=API_KEY)),
    (
        Way(
            "start-up",
            r"'(?P<wrong>\w+)' is not a setting: did you mean (?P<right>PAVIOR_\w+)\?",
            renamed,
        ),
    ),
)

MISSPELT_PREFIX_OF_OPTION = Mistake(
    "the prefix of another setting is misspelt",
    of_shop(USUAL.with_settings(PAVOIR_SKIP_PATHS="/admin/*")),
    (
        Way(
            "log",
            r"'(?P<wrong>\w+)' is not a setting: did you mean (?P<right>PAVIOR_\w+)\?",
            renamed,
        ),
    ),
)

HTTP_EMBED = Mistake(
    "the embed's URL is plain http",
    of_shop(USUAL.with_settings(PAVIOR_EMBED_URL=EMBED_URL.replace("https:", "http:"))),
    (
        Way(
            "start-up",
            r"\((?P<setting>PAVIOR_\w+)\) must begin with (?P<scheme>https://)",
            lambda town, named: town.with_shop(
                town.shops[SHOP].with_settings(
                    **{named["setting"]: EMBED_URL.replace("https://", named["scheme"])}
                )
            ),
        ),
    ),
)

# ── Pages ──────────────────────────────────────────────────────────────────────────────────────

POLICY = "default-src 'self'"


def with_sources(policy: str, lacking: str) -> str:
    """Add to a policy the sources that a message names, each directive between semicolons."""
    directives = {words[0]: words[1:] for words in map(str.split, policy.split(";"))}
    for name, *sources in map(str.split, lacking.split(";")):
        directives[name] = [*directives.get(name, directives["default-src"]), *sources]
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())


def policy_of_nginx(policy: str) -> str:
    return f'add_header Content-Security-Policy "{policy}" always;'


def extended_by_the_middleware(town: Town, named: Named) -> Town:
    """Take back the setting with which the middleware leaves policies as they are."""
    return town.with_shop(town.shops[SHOP].with_settings(PAVIOR_CSP=None))


POLICY_INSIDE = Mistake(
    "a policy of the app has no nonce, and the middleware leaves it",
    of_shop(replace(USUAL.with_settings(PAVIOR_CSP="leave"), policy=POLICY)),
    (
        Way("log", r'\(PAVIOR_CSP\).* set csp to "extend"', extended_by_the_middleware),
        Way(
            "log",
            r"allow in the policy what it lacks.* It lacks: (?P<sources>.*)$",
            lambda town, named: town.with_shop(
                replace(town.shops[SHOP], policy=with_sources(POLICY, named["sources"]))
            ),
        ),
        Way("policy-blocks", r'without csp="leave": then it adds', extended_by_the_middleware),
    ),
)

POLICY_OUTSIDE = Mistake(
    "a policy of nginx has no nonce",
    of_shop(replace(USUAL, location=policy_of_nginx(POLICY))),
    (
        Way(
            "policy-blocks",
            r"it lacks (?P<sources>.*?)\. ",
            lambda town, named: town.with_shop(
                replace(
                    town.shops[SHOP],
                    location=policy_of_nginx(with_sources(POLICY, named["sources"])),
                )
            ),
        ),
        Way(
            "policy-blocks",
            r"set it in the app instead",
            doing(lambda shop: replace(shop, location="", policy=POLICY)),
        ),
    ),
)

CODING_WITHOUT_LIBRARY = Mistake(
    "the app compresses its pages, and the middleware has no library for that",
    of_shop(replace(USUAL, coding="br", extras=frozenset())),
    tuple(
        Way(
            where,
            r'pip install "pavior-middleware\[(?P<extra>\w+)\]"',
            lambda town, named: town.with_shop(
                replace(town.shops[SHOP], extras=frozenset({named["extra"]}))
            ),
        )
        for where in ("log", "no-script-in-coded-page")
    ),
)

KEY_IN_PAGE = Mistake(
    "the template writes the API key into the page",
    of_shop(replace(USUAL, head=f"<script>window.config = {{key: '{API_KEY}'}}</script>")),
    tuple(
        Way(where, says, doing(lambda shop: replace(shop, head="<script>config = {}</script>")))
        for where, says in (
            ("log", r"holds the API key .*Remove it from the template"),
            ("key-in-page", r"The API key is in the page\..*Remove it from there"),
        )
    ),
)

HAND_WRITTEN = f"""
<script src="{EMBED_URL}"></script>
<script>Pavior('init', {{'teamVanityId': '{TEAM}', 'email': '{ADA.email}',
    'hmac': '{sign(API_KEY, str(ADA.email))}'}});</script>
"""

HAND_WRITTEN_SNIPPET = Mistake(
    "the snippet of Pavior's documentation stands beside the middleware's",
    of_shop(replace(USUAL, head=HAND_WRITTEN)),
    tuple(
        Way(where, says, doing(lambda shop: replace(shop, head="")))
        for where, says in (
            ("log", r"remove the page's own script"),
            ("second-init", r"Remove the hand-written script"),
        )
    ),
)

# ── What is in front ───────────────────────────────────────────────────────────────────────

CACHE = "proxy_cache pages; proxy_cache_valid 200 1m; add_header X-Cache $upstream_cache_status;"
IGNORING = "proxy_ignore_headers Cache-Control Expires Vary Set-Cookie;"

PASSING_SESSIONS = "proxy_cache_bypass $cookie_session; proxy_no_cache $cookie_session;"


def emptied(location: str, cache: str) -> Callable[[Town, Named], Town]:
    """Return the mend that gives nginx these directives, and an empty cache of a name."""
    return lambda town, named: replace(
        town.with_shop(replace(town.shops[SHOP], location=location)), cache=cache
    )


CACHE_THAT_IGNORES = Mistake(
    "nginx ignores what the pages say to caches",
    of_shop(replace(USUAL, location=CACHE + IGNORING)),
    tuple(
        Way(where, rf"{says}.*Then empty the cache\.", emptied(location, cache))
        for where in ("cache-serves-others", "cache-serves-nobody")
        for says, location, cache in (
            ("in nginx, remove proxy_ignore_headers", CACHE, "heeding"),
            (
                "pass requests with a session cookie by",
                CACHE + IGNORING + PASSING_SESSIONS,
                "passing",
            ),
        )
    ),
)

NOT_ROUTED = Mistake(
    "nginx answers the paths below /.well-known/ itself",
    of_shop(replace(USUAL, server="location /.well-known/ { return 404; }")),
    (
        Way(
            "well-known-not-routed",
            r"send (?P<path>/\.well-known/pavior/)\* to the app",
            lambda town, named: town.with_shop(
                replace(
                    town.shops[SHOP],
                    server="location /.well-known/ { return 404; }"
                    f" location {named['path']} {{ proxy_pass $app; }}",
                )
            ),
        ),
    ),
)


def with_tls(town: Town, named: Named) -> Town:
    secure = replace(town.shops[SHOP], is_on_tls=True)
    return replace(town.with_shop(secure), url=f"{named['scheme']}://{SHOP}/")


NO_TLS = Mistake(
    "a site that lends its login is on plain http",
    replace(of_shop(replace(LENDER, is_on_tls=False)), url=f"http://{SHOP}/"),
    tuple(
        Way(where, r"Serve the site by (?P<scheme>https)", with_tls)
        for where in ("login-cookie-needs-tls", "plain-http")
    ),
)

# ── Whom the pages name ────────────────────────────────────────────────────────────────────────

WHITELIST_TYPO = Mistake(
    "the lender's whitelist misspells the borrower",
    Town(
        {
            SHOP: LENDER.with_settings(PAVIOR_SHARED_AUTH_DOMAINS="hlep.other.test"),
            HELP: BORROWER,
        },
        url=f"https://{HELP}/",
        cookie="",
    ),
    tuple(
        Way(
            where,
            rf"(?P<origin>https://{HELP})\b",
            lambda town, named: town.with_shop(
                town.shops[SHOP].with_settings(
                    PAVIOR_SHARED_AUTH_DOMAINS=named["origin"].removeprefix("https://")
                )
            ),
        )
        for where in ("log", "not-whitelisted")
    ),
)


def ada_with_fault(request: Request) -> Identity | None:
    """Look a user up in a session that somebody who has not logged in does not have."""
    if ada_by_id(request) is None:
        return None
    raise KeyError("user")


def ada_by_email(request: Request) -> Identity | None:
    return Identity(ADA.email, ADA.email) if ada_by_id(request) else None


IDENTITY_RAISES = Mistake(
    "the code that tells who is logged in raises an exception",
    of_shop(replace(USUAL, identity=ada_with_fault)),
    tuple(
        Way(where, says, doing(lambda shop: replace(shop, identity=ada_by_id)))
        for where, says in (
            ("log", r"`identity` failed.*ada_with_fault"),
            ("identity-fails", r"`identity` has raised an exception"),
            ("names-nobody", r"that `identity` returns that user"),
        )
    ),
)

ID_IS_EMAIL = Mistake(
    "the id of a user is an email",
    of_shop(replace(USUAL, identity=ada_by_email)),
    (
        Way(
            "id-is-email",
            r"Return the primary key of the user as id",
            doing(lambda shop: replace(shop, identity=ada_by_id)),
        ),
    ),
)

MISTAKES = (
    WRONG_KEY,
    MISSPELT_SETTING,
    MISSPELT_PREFIX,
    MISSPELT_PREFIX_OF_OPTION,
    POLICY_INSIDE,
    POLICY_OUTSIDE,
    CODING_WITHOUT_LIBRARY,
    CACHE_THAT_IGNORES,
    KEY_IN_PAGE,
    HAND_WRITTEN_SNIPPET,
    NOT_ROUTED,
    HTTP_EMBED,
    WHITELIST_TYPO,
    IDENTITY_RAISES,
    ID_IS_EMAIL,
    NO_TLS,
)

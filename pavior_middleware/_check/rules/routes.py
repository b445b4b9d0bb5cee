"""Whether the site's own paths below `/.well-known/pavior/` reach the middleware, unchanged."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from http import HTTPStatus

from ..._assets.page_files import ALL, FOLDER
from ..evidence import Evidence, Exchange, Failed, Fetched, json_object
from ..findings import Finding, problem

_HASHED = re.compile(r"-([0-9a-f]{8})\.js$")
_SCRIPT_TYPES = ("text/javascript", "application/javascript", "application/x-javascript")
_VARIES_BY = "sec-fetch-storage-access"


def not_routed(evidence: Evidence) -> Iterator[Finding]:
    """Something other than the middleware answers one of its paths."""
    lost = [url for url, fetched in evidence.files.items() if not _is_script(fetched)]
    share_auth = evidence.share_auth
    if share_auth is not None and not is_ours(share_auth):
        lost.append(share_auth.url)
    if lost:
        yield problem(
            "well-known-not-routed",
            f"The middleware does not answer {', '.join(lost)}.",
            "The page's script asks there who is logged in, for a page that was kept, restored or"
            " is the same for all. Without an answer such a page names nobody.",
            f"Have the proxy or the CDN send {FOLDER}* to the app. If the app stands below a path"
            " that the proxy removes, set PAVIOR_ROOT_PATH.",
        )


def is_ours(fetched: Fetched) -> bool:
    """Whether an answer is that of `share-auth`: JSON, or its 503 for an unknown user."""
    if isinstance(fetched, Failed):
        return False
    if fetched.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _VARIES_BY in fetched.field("vary").lower()
    return fetched.status == HTTPStatus.OK and fetched.media_type == "application/json"


def _is_script(fetched: Fetched) -> bool:
    return (
        isinstance(fetched, Exchange)
        and fetched.status == HTTPStatus.OK
        and fetched.media_type in _SCRIPT_TYPES
    )


def rewritten(evidence: Evidence) -> Iterator[Finding]:
    """The content of a file does not match the hash in its address."""
    for url, fetched in evidence.files.items():
        if not isinstance(fetched, Exchange) or not _is_script(fetched):
            continue
        found = _HASHED.search(fetched.parts.path)
        if found and not _has_hash(fetched.body, found[1]) and not _is_of_this_release(fetched):
            yield problem(
                "file-rewritten",
                f"The content of {url} is not the one that its address names.",
                "Either something in front of the app rewrites scripts, so that a policy with their"
                " hashes blocks them, or two machines of the site run different releases.",
                "Switch off what minifies or rewrites scripts; run one release on all machines.",
            )


def _has_hash(body: bytes, digits: str) -> bool:
    return hashlib.sha256(body).hexdigest().startswith(digits)


def _is_of_this_release(exchange: Exchange) -> bool:
    return any(exchange.body == file.content for file in ALL.values())


def lookup_fails(evidence: Evidence) -> Iterator[Finding]:
    """The site cannot tell who is logged in."""
    answers = [evidence.share_auth, evidence.named.share_auth if evidence.named else None]
    for answer in answers:
        is_failure = (
            isinstance(answer, Exchange)
            and answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            and is_ours(answer)
        )
        if is_failure:
            yield problem(
                "identity-fails",
                "The site answers that it cannot tell who is logged in.",
                "Its `identity` has raised an exception or timed out, so pages name nobody.",
                "Read the app's log: it has the warning \"Pavior's identity is left out\" and the"
                " traceback.",
            )
            return


def answer_lost(evidence: Evidence) -> Iterator[Finding]:
    """`share-auth` answers, but not with JSON."""
    share_auth = evidence.share_auth
    if (
        isinstance(share_auth, Exchange)
        and share_auth.status == HTTPStatus.OK
        and share_auth.media_type == "application/json"
        and json_object(share_auth) is None
        and share_auth.body.strip() != b"null"
    ):
        yield problem(
            "answer-rewritten",
            f"The answer of {share_auth.url} is no JSON object any more.",
            "Something in front of the app rewrites it, and the page's script cannot read it.",
            "Switch that off for the paths below /.well-known/pavior/.",
        )


RULES = (not_routed, rewritten, lookup_fails, answer_lost)

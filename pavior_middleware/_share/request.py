"""The parts of a request for one of our paths that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from .._model.identity_key import QUESTION_KEY, IdentityHolder
from .._model.visitor import Visitor

FIELDS = (
    *("cookie", "if-none-match", "origin", "referer"),
    *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-storage-access"),
    "sec-fetch-user",
)
"""The header fields that are read, in lower case."""


class Question(IdentityHolder):
    """A request who is logged in, which the app handles so that it finds the user.

    An inner middleware may answer it in place of this one.
    """

    KEY = QUESTION_KEY
    """The key under which adapters keep the question in the ASGI scope or the WSGI environ."""

    gives_way = False
    """Whether another middleware has answered."""

    visitor: Visitor | None = None
    """Who is visiting, once a layer inside the app knows."""

    def give_way(self) -> None:
        """Leave the answer to another middleware, which has begun to answer."""
        self.gives_way = True


@dataclass(frozen=True)
class Request:
    """A request: its path as `well_known` names it, its query as sent, and its `FIELDS`.

    `fields` maps each name to all its values, in latin-1. `whole_path` is the path from the
    domain's root; the app itself may be below another path.
    """

    method: str
    path: str
    query: str
    fields: Mapping[str, Sequence[str]]
    whole_path: str

    @property
    def is_read(self) -> bool:
        """Whether the method only reads."""
        return self.method in ("GET", "HEAD")

    @property
    def site(self) -> str | None:
        """How the asking page's site relates to ours (Fetch Metadata section 2.4).

        None without the field: this site is not https, or the browser is old. '' for an unknown
        value.
        """
        return self._fetch_metadata("sec-fetch-site")

    @property
    def mode(self) -> str | None:
        """The request's mode (Fetch Metadata section 2.2); None and '' as for `site`."""
        return self._fetch_metadata("sec-fetch-mode")

    @property
    def destination(self) -> str | None:
        """What the response is for (Fetch Metadata section 2.1); None and '' as for `site`."""
        return self._fetch_metadata("sec-fetch-dest")

    @property
    def storage_access(self) -> str | None:
        """`active` if cookies come along, `inactive` if they could (Storage Access Headers)."""
        return self._fetch_metadata("sec-fetch-storage-access")

    @property
    def is_by_user(self) -> bool:
        """Whether a click or a key press has begun the navigation (Fetch Metadata section 2.5).

        Only then does a browser send the field `Sec-Fetch-User`; WebKit never does.
        """
        return self._fetch_metadata("sec-fetch-user") not in (None, "?0")

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the query, decoded as UTF-8; None unless it is there once."""
        try:
            values = parse_qs(self.query, keep_blank_values=True, max_num_fields=16).get(name, [])
        except ValueError:  # there are more parameters than are allowed
            return None
        return values[0] if len(values) == 1 else None

    def has_parameter(self, name: str) -> bool:
        """Whether the query holds a parameter, once or several times."""
        return f"{name}=" in self.query

    def _fetch_metadata(self, name: str) -> str | None:
        values = self.fields.get(name, ())
        if not values:
            return None
        return values[0] if len(values) == 1 else ""

"""What happens to each field of a response's head, prepared for one pass over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import AnyStr, Generic, NamedTuple

from .._http import csp
from .._http.cache_control import DIGESTS, TARGETED, private
from .._http.headers import FieldForm
from .skip import SKIP_FIELD
from .variants import tagged

_MOST_NAMES = 256

Fields = list[tuple[AnyStr, AnyStr]]


class EditKind(NamedTuple):
    """What decides about the edits of a head.

    `adds_element`: the page gains an element. `is_private`: only the user's own browser may store
    the response, and with `may_store` False nobody. `tells_variant`: its entity tag tells the
    variant, or is removed if the response is like no other. `changes_length`: its bytes change.
    `varies_by` are the names to add to `Vary`. `is_signed`: a signature covers what is edited.
    `needs` is what policies are extended by, and `nonce` the number of the page's nonce.
    """

    has_vary: bool
    has_cache_control: bool
    is_signed: bool = False
    adds_element: bool = False
    is_private: bool = False
    may_store: bool = True
    tells_variant: bool = False
    changes_length: bool = False
    varies_by: tuple[str, ...] = ()
    needs: csp.Needs | None = None
    nonce: str | None = None


@dataclass(frozen=True)
class Values:
    """What an edit takes from one response: its variant and whether every byte of it is known.

    `length` is its length in bytes, None if that is not known; `cookie` a `Set-Cookie` field that
    it gains.
    """

    variant: str | None = None
    is_strong: bool = True
    length: int | None = None
    cookie: str | None = None
    nonces: csp.Nonces | None = None


Edit = Callable[[str, Values], str | None]
"""Returns the new value of a field; None to remove the field."""


class HeadEdit(Generic[AnyStr]):
    """What happens to each field of a head of one kind."""

    def __init__(self, kind: EditKind, form: FieldForm[AnyStr]) -> None:
        self._form = form
        self._edits = _Edits(kind, form)
        added = []
        if kind.varies_by and not kind.has_vary:
            added.append(("Vary", ", ".join(kind.varies_by)))
        if kind.is_private and not kind.has_cache_control:
            added.append(("Cache-Control", private("", may_store=kind.may_store)))
        self._added = [_encoded(form, name, value) for name, value in added]

    def apply(
        self, headers: Sequence[tuple[AnyStr, AnyStr]], values: Values
    ) -> list[tuple[AnyStr, AnyStr]]:
        """Return the new head. Fields that stay are the very same objects."""
        form, edits = self._form, self._edits
        result: Fields[AnyStr] = []
        for field in headers:
            edit = edits[field[0]]
            if edit is None:
                result.append(field)
                continue
            value = edit(form.decode(field[1]), values)
            if value is not None:
                result.append((field[0], form.encode(value)))
        result += self._added
        if values.cookie is not None:
            result.append(_encoded(form, "Set-Cookie", values.cookie))
        return result


def _encoded(form: FieldForm[AnyStr], name: str, value: str) -> tuple[AnyStr, AnyStr]:
    return form.encode_name(name), form.encode(value)


class _Edits(dict[AnyStr, "Edit | None"]):
    """The edit of each name of a field as it comes; None where the field stays."""

    def __init__(self, kind: EditKind, form: FieldForm[AnyStr]) -> None:
        super().__init__()
        self._decode = form.decode
        self._by_name = _edits(kind)
        self._is_private = kind.is_private

    def __missing__(self, raw: AnyStr) -> Edit | None:
        name = self._decode(raw).lower()
        edit = self._by_name.get(name)
        if self._is_private and name.endswith(TARGETED) and name != "cache-control":
            edit = _remove
        if len(self) < _MOST_NAMES:
            self[raw] = edit
        return edit


def _edits(kind: EditKind) -> dict[str, Edit]:
    edits: dict[str, Edit] = {SKIP_FIELD: _remove}
    if kind.tells_variant:
        edits["etag"] = _tag
    if kind.is_signed:
        edits |= {"signature": _remove, "signature-input": _remove}
    if kind.varies_by:
        edits["vary"] = partial(_vary, kind.varies_by)
    if kind.changes_length:
        edits["content-length"] = _length
    if kind.adds_element:
        edits |= dict.fromkeys((*DIGESTS, "accept-ranges"), _remove)
    if kind.is_private:
        edits |= {"expires": _remove, "last-modified": _remove}
        edits["cache-control"] = partial(_private, kind.may_store)
    if kind.needs is not None:
        edits |= dict.fromkeys(
            (csp.ENFORCED, csp.REPORT_ONLY), partial(_policies, kind.nonce, kind.needs)
        )
    return edits


def _remove(value: str, values: Values) -> str | None:
    return None


def _tag(value: str, values: Values) -> str | None:
    if values.variant is None:
        return None
    return tagged(value, values.variant, is_strong=values.is_strong)


def _vary(names: Sequence[str], value: str, values: Values) -> str:
    return ", ".join([*filter(None, [value]), *names])


def _private(may_store: bool, value: str, values: Values) -> str:
    return private(value, may_store=may_store)


def _length(value: str, values: Values) -> str | None:
    return None if values.length is None else str(values.length)


def _policies(nonce: str | None, needs: csp.Needs, value: str, values: Values) -> str:
    nonces = values.nonces or csp.Nonces()
    return nonces.restored(csp.extended(nonces.numbered(value), nonce, needs))

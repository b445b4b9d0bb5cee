"""What happens to each field of a response's head, prepared for one pass over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import AnyStr, Generic, NamedTuple

from .._http import csp
from .._http.cache_control import DIGESTS, TARGETED, private
from .._http.headers import FieldForm
from .head import ResponseHead
from .skip import INNER_FIELD, SKIP_FIELD
from .variants import tagged

_MOST_NAMES = 256

Fields = list[tuple[AnyStr, AnyStr]]


class EditKind(NamedTuple):
    """What of a response's payload decides about the edits of its head.

    `is_page`: it is a page, and not what passes but for a field. `has_cookie`: it gains a cookie.
    `is_personal`: it names somebody. `may_store`: the user's own browser may store it.
    `changes_length`: its bytes change. It depends on the request fields `varies_by`, and its
    element, if it gains one, needs `needs` of a policy.
    """

    is_page: bool = False
    has_cookie: bool = False
    is_personal: bool = False
    may_store: bool = True
    changes_length: bool = False
    varies_by: tuple[str, ...] = ()
    needs: csp.Needs | None = None

    @property
    def is_private(self) -> bool:
        """Whether only the user's own browser may store it, if anybody may."""
        return self.is_personal or self.has_cookie or not self.may_store

    def missing_in_vary(self, head: ResponseHead) -> tuple[str, ...]:
        """Return the names that `Vary` lacks."""
        if "*" in head.varies_by:
            return ()
        # A same-origin GET sends no `Origin`, so the browser keeps its copy from other origins.
        wanted = (*self.varies_by, "Origin") if self.is_personal else self.varies_by
        return tuple(name for name in wanted if name.lower() not in head.varies_by)


class Values(NamedTuple):
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

    def __init__(
        self, head: ResponseHead, kind: EditKind, form: FieldForm[AnyStr], *, extends_policies: bool
    ) -> None:
        self._form: FieldForm[AnyStr] = form
        by_name = _edits(head, kind, extends_policies=extends_policies)
        self._edits: _Edits[AnyStr] = _Edits(by_name, form, is_private=kind.is_private)
        added: list[tuple[str, str]] = []
        missing = kind.missing_in_vary(head)
        if missing and not head.has_vary:
            added.append(("Vary", ", ".join(missing)))
        if kind.is_private and not head.has_cache_control:
            added.append(("Cache-Control", private("", may_store=kind.may_store)))
        self._added: Fields[AnyStr] = [_encoded(form, name, value) for name, value in added]

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


class HeadEdits(dict[EditKind, HeadEdit[AnyStr]]):
    """The edits of one kind of head, each prepared when it is first needed."""

    def __init__(
        self, head: ResponseHead, form: FieldForm[AnyStr], *, extends_policies: bool
    ) -> None:
        super().__init__()
        self._head = head
        self._form: FieldForm[AnyStr] = form
        self._extends_policies = extends_policies

    def __missing__(self, kind: EditKind) -> HeadEdit[AnyStr]:
        edit = HeadEdit(self._head, kind, self._form, extends_policies=self._extends_policies)
        self[kind] = edit
        return edit


class _Edits(dict[AnyStr, "Edit | None"]):
    """The edit of each name of a field as it comes; None where the field stays."""

    def __init__(
        self, by_name: Mapping[str, Edit], form: FieldForm[AnyStr], *, is_private: bool
    ) -> None:
        super().__init__()
        self._decode: Callable[[AnyStr], str] = form.decode
        self._by_name = by_name
        self._is_private = is_private

    def __missing__(self, raw: AnyStr) -> Edit | None:
        name = self._decode(raw).lower()
        edit = self._by_name.get(name)
        if self._is_private and name.endswith(TARGETED) and name != "cache-control":
            edit = _remove
        if len(self) < _MOST_NAMES:
            self[raw] = edit
        return edit


def _edits(head: ResponseHead, kind: EditKind, *, extends_policies: bool) -> dict[str, Edit]:
    edits: dict[str, Edit] = {SKIP_FIELD: _remove, INNER_FIELD: _remove}
    if head.is_signed and (kind.is_page or kind.has_cookie):
        edits |= {"signature": _remove, "signature-input": _remove}
    if kind.is_private:
        edits |= {"expires": _remove, "last-modified": _remove}
        edits["cache-control"] = partial(_private, kind.may_store)
    if not kind.is_page:
        return edits
    edits["etag"] = _tag
    missing = kind.missing_in_vary(head)
    if missing:
        edits["vary"] = partial(_vary, missing)
    if kind.changes_length:
        edits["content-length"] = _length
    if kind.needs is not None:
        edits |= dict.fromkeys((*DIGESTS, "accept-ranges"), _remove)
        if extends_policies:
            extend = partial(_extend, head.policies.nonce, kind.needs)
            edits |= dict.fromkeys((csp.ENFORCED, csp.REPORT_ONLY), extend)
    return edits


def _remove(_value: str, _values: Values) -> str | None:
    return None


def _tag(value: str, values: Values) -> str | None:
    if values.variant is None:
        return None
    return tagged(value, values.variant, is_strong=values.is_strong)


def _vary(names: Sequence[str], value: str, _values: Values) -> str:
    return ", ".join([*filter(None, [value]), *names])


def _private(may_store: bool, value: str, _values: Values) -> str:
    return private(value, may_store=may_store)


def _length(_value: str, values: Values) -> str | None:
    return None if values.length is None else str(values.length)


def _extend(nonce: str | None, needs: csp.Needs, value: str, values: Values) -> str:
    nonces = values.nonces or csp.Nonces()
    return nonces.restored(csp.extended(nonces.numbered(value), nonce, needs))

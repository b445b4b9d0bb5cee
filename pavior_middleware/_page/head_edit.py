"""The edits of a response's head, prepared so that one pass over the fields applies them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import AnyStr, Generic, NamedTuple

from .._http import csp
from .._http.cache_control import DIGESTS, TARGETED, private
from .._http.headers import FieldForm
from .head import ResponseHead
from .layout import Layout
from .skip import INNER_FIELD, SKIP_FIELD
from .variants import tagged

_MOST_LAYOUTS = 64

Fields = list[tuple[AnyStr, AnyStr]]


class EditKind(NamedTuple):
    """The parts of a response's payload that decide how its head is edited.

    `is_page`: the response is a page, and not one that only loses a field. `has_cookie`: it gains a
    cookie. `is_personal`: it names somebody. `may_store`: the user's own browser may store it.
    `changes_length`: its bytes change. `varies_by` are the request fields that it depends on.
    `needs` is what its element, if it gains one, needs of a policy.
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
        """Whether no shared cache may store it."""
        return self.is_personal or self.has_cookie or not self.may_store

    def missing_in_vary(self, head: ResponseHead) -> tuple[str, ...]:
        """Return the names that `Vary` lacks."""
        if "*" in head.varies_by:
            return ()
        # A same-origin GET has no `Origin`, so the browser does not give its copy to other origins.
        wanted = (*self.varies_by, "Origin") if self.is_personal else self.varies_by
        return tuple(name for name in wanted if name.lower() not in head.varies_by)


class Values(NamedTuple):
    """What an edit takes from one response: its variant, and whether every byte of it is known.

    `length` is its length in bytes, None if that is not known. `cookie` is a `Set-Cookie` field
    that it gains.
    """

    variant: str | None = None
    is_strong: bool = True
    length: int | None = None
    cookie: str | None = None
    nonces: csp.Nonces | None = None


Edit = Callable[[str, Values], str | None]
"""Returns the new value of a field; None to remove the field."""

Warn = Callable[[str], None]


class HeadEdit(Generic[AnyStr]):
    """What happens to each field of a head of one kind."""

    def __init__(
        self,
        head: ResponseHead,
        kind: EditKind,
        form: FieldForm[AnyStr],
        *,
        warn_of_policies: Warn | None,
    ) -> None:
        self._form: FieldForm[AnyStr] = form
        self._by_name = _edits(head, kind, warn_of_policies)
        self._is_private = kind.is_private
        self._by_place = lru_cache(maxsize=_MOST_LAYOUTS)(self._edits_in)
        added: list[tuple[str, str]] = []
        missing = kind.missing_in_vary(head)
        if missing and not head.has_vary:
            added.append(("Vary", ", ".join(missing)))
        if kind.is_private and not head.has_cache_control:
            added.append(("Cache-Control", private("", may_store=kind.may_store)))
        self._added: Fields[AnyStr] = [_encoded(form, name, value) for name, value in added]

    def apply(
        self, headers: Sequence[tuple[AnyStr, AnyStr]], layout: Layout, values: Values
    ) -> list[tuple[AnyStr, AnyStr]]:
        """Return the new head. Unchanged fields are the same objects as before."""
        form, edits, result = self._form, self._by_place, list(headers)
        decode, encode = form.decode, form.encode
        for place, edit in edits(layout):
            name, value = result[place]
            new = edit(decode(value), values)
            if new is None:
                del result[place]
            else:
                result[place] = name, encode(new)
        result += self._added
        if values.cookie is not None:
            result.append(_encoded(form, "Set-Cookie", values.cookie))
        return result

    def _edits_in(self, layout: Layout) -> list[tuple[int, Edit]]:
        """Return the edits of a head's fields, with their places, the last field first.

        So no field that is removed changes the place of one that is edited behind it.
        """
        edits = [(place, self._edit(name)) for place, name in enumerate(layout.names)]
        return [(place, edit) for place, edit in reversed(edits) if edit is not None]

    def _edit(self, name: str) -> Edit | None:
        if self._is_private and name.endswith(TARGETED) and name != "cache-control":
            return _remove
        return self._by_name.get(name)


def _encoded(form: FieldForm[AnyStr], name: str, value: str) -> tuple[AnyStr, AnyStr]:
    return form.encode_name(name), form.encode(value)


class HeadEdits(dict[EditKind, HeadEdit[AnyStr]]):
    """The edits of one kind of head, each prepared when it is first needed.

    Policies are extended. With `warn_of_policies` they stay unchanged, and this function is called
    with a text about each policy that blocks the element.
    """

    def __init__(
        self,
        head: ResponseHead,
        form: FieldForm[AnyStr],
        *,
        warn_of_policies: Warn | None = None,
    ) -> None:
        super().__init__()
        self._head = head
        self._form: FieldForm[AnyStr] = form
        self._warn_of_policies = warn_of_policies

    def __missing__(self, kind: EditKind) -> HeadEdit[AnyStr]:
        edit = HeadEdit(self._head, kind, self._form, warn_of_policies=self._warn_of_policies)
        self[kind] = edit
        return edit


def _edits(head: ResponseHead, kind: EditKind, warn_of_policies: Warn | None) -> dict[str, Edit]:
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
        if warn_of_policies is None:
            extend = partial(_extend, head.policies.nonce, kind.needs)
            edits |= dict.fromkeys((csp.ENFORCED, csp.REPORT_ONLY), extend)
        else:
            edits[csp.ENFORCED] = partial(_leave, head.policies.nonce, kind.needs, warn_of_policies)
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


def _leave(nonce: str | None, needs: csp.Needs, warn: Warn, value: str, values: Values) -> str:
    """Return the policy unchanged; warn if it blocks the element."""
    nonces = values.nonces or csp.Nonces()
    lacking = csp.lacking(nonces.numbered(value), nonce, needs)
    if lacking:
        warn(_BLOCKED.format("; ".join(lacking)))
    return value


_BLOCKED = (
    "A page's Content-Security-Policy blocks Pavior's chat or a part of it, and csp (PAVIOR_CSP) is"
    ' "leave": allow in the policy what it lacks, or set csp to "extend". It lacks: {}'
)

"""The edits of a response's head, prepared so that one pass over the fields applies them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import AnyStr, Generic, NamedTuple

from .._http import csp
from .._http.cache_control import DIGESTS, TARGETED, private
from .._http.headers import FieldForm
from .edit_kind import EditKind
from .head import ResponseHead
from .layout import Layout
from .payload import Payload
from .skip import INNER_FIELD, SKIP_FIELD
from .variants import tagged

_MOST_LAYOUTS = 64
_MOST_VALUES = 16

Fields = list[tuple[AnyStr, AnyStr]]


class Values(NamedTuple):
    """What an edit takes from one response.

    `is_strong` tells that every byte of the response is known.
    """

    payload: Payload
    is_strong: bool
    nonces: csp.Nonces | None


Edit = Callable[[str, Values], str | None]
"""Returns the new value of a field; None to remove the field."""

FixedEdit = Callable[[str], str]
"""Returns the new value of a field, which depends on its old value alone."""

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EditsByPlace(Generic[AnyStr]):
    """The edits of all heads of one layout, each with the place of its field.

    `lengths` are the places of fields that get the new length. `others` come with the last field
    first. So no field that is removed changes the place of one that is edited behind it.
    """

    fixed: Sequence[tuple[int, Callable[[AnyStr], AnyStr]]]
    lengths: Sequence[int]
    others: Sequence[tuple[int, Edit]]


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
        # Many responses have the same values, and parsing one takes longer than all the rest.
        self._fixed: dict[str, Callable[[AnyStr], AnyStr]] = {
            name: lru_cache(maxsize=_MOST_VALUES)(partial(self._edited, edit))
            for name, edit in _fixed_edits(head, kind).items()
        }
        self._others = _other_edits(head, kind, warn_of_policies)
        self._is_private = kind.is_private
        self._by_place: Callable[[Layout, bool], EditsByPlace[AnyStr]]
        self._by_place = lru_cache(maxsize=_MOST_LAYOUTS)(self._edits_in)
        added: list[tuple[str, str]] = []
        missing = kind.missing_in_vary(head)
        if missing and not head.has_vary:
            added.append(("Vary", ", ".join(missing)))
        if kind.is_private and not head.has_cache_control:
            added.append(("Cache-Control", private("", may_store=kind.may_store)))
        self._added: Fields[AnyStr] = [_encoded(form, name, value) for name, value in added]

    def apply(
        self,
        headers: Sequence[tuple[AnyStr, AnyStr]],
        layout: Layout,
        payload: Payload,
        length: int | None,
        is_strong: bool,
        nonces: csp.Nonces | None,
    ) -> list[tuple[AnyStr, AnyStr]]:
        """Return the new head. Unchanged fields are the same objects as before.

        `length` is the response's length in bytes, None if that is not known. `is_strong` tells
        that every byte of it is known.
        """
        form, result = self._form, list(headers)
        edits = self._by_place(layout, length is not None)
        for place, edited in edits.fixed:
            name, value = result[place]
            result[place] = name, edited(value)
        for place in edits.lengths:
            result[place] = result[place][0], form.encode(str(length))
        if edits.others:
            values = Values(payload, is_strong, nonces)
            for place, edit in edits.others:
                name, value = result[place]
                new = edit(form.decode(value), values)
                if new is None:
                    del result[place]
                else:
                    result[place] = name, form.encode(new)
        result += self._added
        if payload.cookie is not None:
            result.append(_encoded(form, "Set-Cookie", payload.cookie))
        return result

    def _edits_in(self, layout: Layout, knows_length: bool) -> EditsByPlace[AnyStr]:
        fixed, lengths, others = [], [], []
        for place, name in enumerate(layout.names):
            if name in self._fixed:
                fixed.append((place, self._fixed[name]))
            elif edit := self._other_edit(name):
                if name == "content-length" and knows_length:
                    lengths.append(place)
                else:
                    others.append((place, edit))
        return EditsByPlace(fixed, lengths, others[::-1])

    def _other_edit(self, name: str) -> Edit | None:
        if self._is_private and name.endswith(TARGETED):
            return _remove
        return self._others.get(name)

    def _edited(self, edit: FixedEdit, value: AnyStr) -> AnyStr:
        return self._form.encode(edit(self._form.decode(value)))


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


def _fixed_edits(head: ResponseHead, kind: EditKind) -> dict[str, FixedEdit]:
    edits: dict[str, FixedEdit] = {}
    missing = kind.missing_in_vary(head)
    if kind.is_page and missing:
        edits["vary"] = partial(_vary, missing)
    if kind.is_private:
        edits["cache-control"] = partial(private, may_store=kind.may_store)
    return edits


def _other_edits(
    head: ResponseHead, kind: EditKind, warn_of_policies: Warn | None
) -> dict[str, Edit]:
    edits: dict[str, Edit] = {SKIP_FIELD: _remove, INNER_FIELD: _remove}
    if head.is_signed and (kind.is_page or kind.has_cookie):
        edits |= {"signature": _remove, "signature-input": _remove}
    if kind.is_private:
        edits |= {"expires": _remove, "last-modified": _remove}
    if not kind.is_page:
        return edits
    edits["etag"] = _remove if kind.holds_nonce(head) else _tag
    if kind.changes_length:
        edits["content-length"] = _remove  # unless the new one is known
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
    variant = values.payload.variant
    return None if variant is None else tagged(value, variant, is_strong=values.is_strong)


def _vary(names: Sequence[str], value: str) -> str:
    return ", ".join([*filter(None, [value]), *names])


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

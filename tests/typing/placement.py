"""The function that places an element in a document."""

from __future__ import annotations

from pavior_middleware.placement import insert


def right(document: bytes) -> bytes:
    return insert(document, b"<script></script>")


def mistakes(text: str) -> None:
    insert(text, b"")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    insert(b"", text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    insert(b"")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

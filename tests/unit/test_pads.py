"""The pads that mask hmacs are random, and each is used once."""

from __future__ import annotations

import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pavior_middleware._page.pads import SIZE, random_pad

COUNT = 1000


def test_each_pad_comes_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    token_bytes = secrets.token_bytes

    def random_bytes(size: int) -> bytes:
        made.append(token_bytes(size))
        return made[-1]

    monkeypatch.setattr(secrets, "token_bytes", random_bytes)
    pads = [random_pad() for _ in range(COUNT)]
    assert {len(pad) for pad in pads} == {SIZE}
    assert set(pads[-COUNT // 2 :]) <= set(made)


def test_no_two_threads_get_the_same_pad() -> None:
    with ThreadPoolExecutor(8) as pool:
        pads = list(pool.map(lambda _: random_pad(), range(8 * COUNT)))
    assert len(set(pads)) == len(pads)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_process_and_its_fork_get_different_pads() -> None:
    random_pad()  # more are ready now
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"".join(random_pad() for _ in range(100)))
        os._exit(0)
    os.close(writer)
    assert os.waitpid(child, 0) == (child, 0)
    with os.fdopen(reader, "rb") as pipe:
        of_child = pipe.read()
    assert len(of_child) == 100 * SIZE
    assert not [pad for pad in (random_pad() for _ in range(100)) if pad in of_child]

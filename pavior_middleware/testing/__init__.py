"""For a site's own tests: checks whom a page names, and runs a Pavior to test against.

`init_options`, `assert_named` and `assert_anonymous` take the responses of test clients.
`Emulator` is the emulator (extra `emulator`) on a port of this machine. For pytest there are
fixtures, `emulator` and `emulator_server`. See `docs/testing.md`.
"""

from ._emulator import Chat, Emulator
from ._pages import assert_anonymous, assert_named, init_options

__all__ = ["Chat", "Emulator", "assert_anonymous", "assert_named", "init_options"]

"""Prove to the Pavior chat widget who is chatting.

The public surface: `Settings`, `Identity`, `Event`, `sign`, `verify` and `skip` here; the
middleware in `pavior_middleware.asgi`, `.wsgi`, `.flask` and `.starlette`;
`pavior_middleware.placement.insert`.
"""

from ._model.events import Event
from ._model.identity import Identity, sign, verify
from ._model.settings import Settings, SettingsError
from ._page.skip import skip

__all__ = ["Event", "Identity", "Settings", "SettingsError", "sign", "skip", "verify"]
__version__ = "0.1.0"

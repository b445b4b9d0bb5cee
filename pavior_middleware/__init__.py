"""Prove to the Pavior chat widget who is chatting.

The public surface: `Settings`, `Identity`, `Event`, `identify`, `sign`, `verify` and `skip` here;
the middleware in `pavior_middleware.asgi`, `.wsgi`, `.flask` and `.starlette`;
`pavior_middleware.placement.insert`; for tests `pavior_middleware.testing`, and for metrics
`pavior_middleware.opentelemetry`.
"""

from ._model.events import Event
from ._model.identity import Identity, sign, verify
from ._model.identity_key import identify
from ._model.settings import Settings, SettingsError
from ._page.skip import skip

__all__ = ["Event", "Identity", "Settings", "SettingsError", "identify", "sign", "skip", "verify"]
__version__ = "0.1.0"

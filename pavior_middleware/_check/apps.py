"""Loads an app by its name, and finds the settings of the middleware in it."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import sysconfig
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .._model.settings import PREFIX, Settings, SettingsError
from .._share.share_auth import ShareAuth

_MOST_OBJECTS = 200_000
_OURS = Path(__file__).parents[1]
_PYTHONS = Path(sysconfig.get_path("stdlib"))
_IGNORED = (ModuleType, type, CodeType, str, bytes, int, float, complex, type(None))


class NoApp(ValueError):
    """An app that cannot be loaded, or has no settings; the message says why."""


def load(name: str) -> Any:
    """Return the object that `module:app` names; with `module:factory()`, what the factory returns.

    Modules are searched for in the working directory first, as servers do. Raises `NoApp`.
    """
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise NoApp("write it as module:app, like mysite.wsgi:application")
    if os.getcwd() not in sys.path:  # noqa: PTH109  # an entry of the path is text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        return _named(module_name, path)
    except NoApp:
        raise
    except ModuleNotFoundError as error:
        raise NoApp(f"there is no module {error.name}: run this where your server runs") from None
    except SettingsError as error:  # its message shows no value
        raise NoApp(str(error)) from None
    except Exception as error:  # noqa: BLE001  # the app's code may raise anything
        raised = _what_raised(error)
    raise NoApp(raised)  # here, as a traceback would hold the app's message


def _named(module_name: str, path: str) -> Any:
    found: Any = importlib.import_module(module_name)
    for part in path.removesuffix("()").split("."):
        if not hasattr(found, part):
            raise NoApp(f"{module_name} has no {path}")
        found = getattr(found, part)
    return found() if path.endswith("()") else found


def _what_raised(error: Exception) -> str:
    """Return the type and the place of an app's error, without its message: it may hold a key."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_of_the_app(frame.filename)]
    place = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return f"the app raises {type(error).__name__}{place}: run it by itself to see the message"


def _is_of_the_app(file: str) -> bool:
    """Whether a file is the app's own code: not installed, and neither Python's nor ours."""
    path = Path(file)
    return (
        path.is_file()
        and not path.is_relative_to(_OURS)
        and not path.is_relative_to(_PYTHONS)
        and "site-packages" not in path.parts
    )


def settings_in(app: Any) -> Settings:
    """Return the settings of the middleware in or around an app. Raises `NoApp`."""
    given = None
    for each in _reachable(_built(app)):
        if type(each) is ShareAuth:
            return each._settings
        if type(each) is Settings and given is None:
            given = each
    config = config_of(app)
    if given is None and any(str(key).startswith(PREFIX) for key in config):
        return Settings.from_mapping(config)
    if given is None:
        raise NoApp(
            "there is no middleware of Pavior in it, or PAVIOR_ENABLED is false; for Django, run"
            " manage.py pavior check"
        )
    return given


def config_of(app: Any) -> Mapping[str, Any]:
    """Return the config of a Flask or Quart app; an empty one for other apps."""
    config = getattr(app, "config", None)
    return config if isinstance(config, Mapping) else {}


def _built(app: Any) -> Any:
    """Return an app with its middleware, which Starlette and FastAPI make at the first call."""
    build: Callable[[], Any] | None = getattr(app, "build_middleware_stack", None)
    if build is not None and getattr(app, "middleware_stack", None) is None:
        return [build(), app]
    return app


def _reachable(start: Any) -> Iterator[Any]:
    """Yield the objects that an object refers to, directly or not, the nearest first.

    Their own code does not run, since some of it works only inside a request.
    """
    waiting, seen = deque([start]), {id(start): start}  # an id is not reused while `seen` holds it
    while waiting and len(seen) < _MOST_OBJECTS:
        each = waiting.popleft()
        yield each
        for part in _parts(each):
            if not issubclass(type(part), _IGNORED) and id(part) not in seen:
                seen[id(part)] = part
                waiting.append(part)


def _parts(each: Any) -> Iterable[Any]:
    if type(each) is FunctionType:  # its globals are those of a whole module, so they are left out
        return [*(each.__closure__ or ()), *(each.__defaults__ or ()), vars(each)]
    return gc.get_referents(each)

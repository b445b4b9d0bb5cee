"""Varnish as tests run it: small, in the foreground, with all that it writes in one folder."""

from __future__ import annotations

from pathlib import Path

from demo.ports import LOOPBACK

from . import programs


def command(vcl: str, folder: Path, port: int) -> list[str]:
    """Write a configuration in VCL, and return what starts Varnish with it at a port."""
    path = folder / "varnish.vcl"
    path.write_text(vcl)
    return [
        *(programs.path("varnishd"), "-F", "-j", "none", "-T", "none"),
        *("-f", str(path), "-n", f"{folder}/varnish"),
        *("-s", "malloc,16m", "-p", "vsl_space=1m", "-p", "thread_pools=1"),
        *("-a", f"{LOOPBACK}:{port}"),
    ]

"""nginx as tests run it: in the foreground, with all that it writes in one folder."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from . import programs

_AROUND = """
user {user} {group};
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/client;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
{http}
}}
"""


def command(http: str, folder: Path) -> list[str]:
    """Write a configuration, whose block `http` this is, and return what starts nginx with it."""
    user = pwd.getpwuid(os.geteuid())  # otherwise, an nginx started by root changes its user
    names = {"user": user.pw_name, "group": grp.getgrgid(user.pw_gid).gr_name}
    path = folder / "nginx.conf"
    path.write_text(_AROUND.format(folder=folder, http=http, **names))
    at_folder = ["-p", str(folder), "-e", f"{folder}/error.log", "-c", str(path)]
    return [programs.path("nginx"), *at_folder]

"""django-allauth's verified addresses tell which emails are confirmed."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.repository import ROOT


def test_an_email_is_sent_where_django_allauth_has_it_verified() -> None:
    command = [sys.executable, "-m", "tests.frameworks.allauth_users"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "sent": {
            "ada": ["ada@example.com", 1],
            "bob": [None, 1],
            "eve": [None, 1],
            "prefetched": ["ada@example.com", 0],
        },
        "may_block": True,
    }

"""Two machines behind nginx, while the secret key is exchanged one machine at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from httpx2 import Client

from demo import servers
from demo.ports import LOOPBACK, free_ports
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support import daemons, nginx
from tests.support.handing_over import asking_for, form, referer_of
from tests.support.processes import wait_for_responses
from tests.support.sites import ADAS, API_KEY, HELP, LOGIN_COOKIE, TEAM

pytestmark = pytest.mark.cache

OLD, NEW = "the old secret key, for the tests only", "the new secret key, for the tests only"
KEYS = {
    "old": [OLD],
    "new_before_old": [NEW, OLD],
    "new_behind_old": [OLD, NEW],
    "new": [NEW],
}
"""The keys that a machine may have; the last one signs."""

ORDER = [
    ("old", "new_before_old"),
    ("new_before_old", "new_before_old"),
    ("new_before_old", "new_behind_old"),
    ("new_behind_old", "new_behind_old"),
    ("new_behind_old", "new"),
    ("new", "new"),
]
"""What the two machines have in the course of time, as docs/deployment.md says."""

AT_ONCE = ("old", "new_behind_old")
"""The new key signs, and one machine does not know it."""

TIMES = 12

SERVER = """
server {{
  listen {host}:{port};
  server_name ~^(?<machines>.*)\\.test$;
  location / {{ proxy_pass http://$machines; proxy_set_header Host www.example.test; }}
}}
"""


def name_of(machines: tuple[str, str]) -> str:
    return "-".join(machines).replace("_", "")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a machine for each of the keys, and an nginx that takes turns with two of them."""
    folder = tmp_path_factory.mktemp("rotation")
    port, *ports = free_ports([0] * (1 + len(KEYS)))
    port_of = dict(zip(KEYS, ports, strict=True))
    upstreams = "".join(
        f"upstream {name_of(machines)} {{ zone {name_of(machines)} 64k;"
        + "".join(f" server {LOOPBACK}:{port_of[each]};" for each in dict.fromkeys(machines))
        + " }\n"
        for machines in (*ORDER, AT_ONCE)
    )
    gunicorn = [sys.executable, "-m", "gunicorn", "tests.support.rotating_site:site()"]
    environ = {
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_SHARED_AUTH_DOMAINS": HELP.removeprefix("https://"),
    }
    before_machines = nginx.command(upstreams + SERVER.format(host=LOOPBACK, port=port), folder)
    running: list[servers.Server] = []
    try:
        for name, keys in KEYS.items():
            command = [*gunicorn, "--threads", "2", "--bind", f"{LOOPBACK}:{port_of[name]}"]
            its_environ = {**environ, "PAVIOR_SECRET_KEY": "\n".join(keys)}
            log = folder / f"{name}.log"
            running.append(daemons.start(command, port_of[name], log, its_environ))
        wait_for_responses(running)
        running.append(daemons.start(before_machines, port, folder / "nginx.log"))
        running[-1].wait_until_it_answers()
        yield f"http://{LOOPBACK}:{port}"
    finally:
        servers.stop(running)


class Site:
    """A site with two machines, which answer in turn."""

    def __init__(self, client: Client, machines: tuple[str, str]) -> None:
        self._client = client
        self._host = {"Host": f"{name_of(machines)}.test"}

    def code(self) -> str:
        """Be handed a code, as a borrower's page is on its way."""
        to = f"{HELP}/returns"
        fields = {**self._host, "Referer": referer_of(to), "Sec-Fetch-Site": "same-site"}
        location: str = self._client.get(asking_for(to), headers=fields).headers["Location"]
        return location.partition("#pavior-handoff=")[2]

    def takes_code(self, code: str) -> bool:
        """Whether a machine exchanges a code."""
        fields = {
            **self._host,
            "Origin": HELP,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = self._client.post(SHARE_AUTH, content=form(code), headers=fields)
        assert answer.status_code in (200, 403)
        return answer.status_code == 200 and answer.json() == ADAS

    def cookie(self) -> str:
        """Return the login cookie of a page."""
        field = self._client.get("/", headers=self._host).headers["Set-Cookie"]
        assert field.startswith(f"{LOGIN_COOKIE}=")
        return str(field.partition(";")[0])

    def knows(self, cookie: str) -> bool:
        """Whether a machine reads a login cookie that another site's page sends."""
        fields = {
            **self._host,
            "Origin": HELP,
            "Sec-Fetch-Site": "cross-site",
            "X-App-Cookies": "no",
            "Cookie": cookie,
        }
        return bool(self._client.get(SHARE_AUTH, headers=fields).json() == ADAS)

    def refused(self) -> int:
        """Return how many of all pairs of a code and a machine, and a cookie and one, fail."""
        # Each of the machines signs every other time, and each reads what both have signed.
        codes = [self.code() for _ in range(TIMES)]
        cookies = [self.cookie() for _ in range(TIMES)]
        taken = [self.takes_code(code) for code in codes for _ in range(2)]
        known = [self.knows(cookie) for cookie in cookies for _ in range(2)]
        return [*taken, *known].count(False)


@pytest.fixture
def client(origin: str) -> Iterator[Client]:
    with Client(base_url=origin, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("machines", ORDER, ids=name_of)
def test_no_login_is_lost_while_the_secret_key_is_exchanged_in_the_documented_order(
    client: Client, machines: tuple[str, str]
) -> None:
    assert Site(client, machines).refused() == 0


@pytest.mark.parametrize("step", range(len(ORDER) - 1), ids=lambda step: name_of(ORDER[step + 1]))
def test_a_login_from_before_a_machine_gets_its_next_keys_counts_after_it(
    client: Client, step: int
) -> None:
    before, after = Site(client, ORDER[step]), Site(client, ORDER[step + 1])
    cookies = [before.cookie() for _ in range(TIMES)]
    assert all(after.knows(cookie) for cookie in cookies for _ in range(2))
    codes = [before.code() for _ in range(TIMES)]
    assert all(after.takes_code(code) for code in codes for _ in range(2))


def test_a_new_key_that_signs_at_once_loses_logins(client: Client) -> None:
    """So the tests above would see it."""
    assert Site(client, AT_ONCE).refused() >= TIMES


def test_a_code_that_one_machine_refuses_is_taken_at_the_second_try(client: Client) -> None:
    site = Site(client, AT_ONCE)
    for _ in range(TIMES):
        code = site.code()
        assert site.takes_code(code) or site.takes_code(code)

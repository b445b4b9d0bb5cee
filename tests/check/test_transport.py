"""The doctor looks at TLS, at clocks, and at what does not answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme
from werkzeug.serving import make_server

from demo.ports import LOOPBACK, free_ports
from tests.support.doctor import (
    LOGIN,
    PAGE,
    Checked,
    Site,
    check,
    checked,
    run,
    served,
    serving,
    with_fields,
)
from tests.support.servers import running, serving_http_1_1
from tests.support.sites import API_KEY
from tests.support.tls import serving_wsgi_over_tls

NAME = "shop.test"
LENDER = {"shared_auth_domains": "help.example.com", "secret_key": "s" * 40}


@contextmanager
def over_tls(site: Site, name: str = "shop.localhost") -> Iterator[tuple[str, int]]:
    """Serve a site over TLS; yield its origin, and its port."""
    (port,) = free_ports([0])
    with serving_wsgi_over_tls(site.app(f"https://{name}:{port}"), port):
        yield f"https://{name}:{port}", port


def test_a_certificate_that_is_not_good_is_found_and_gets_no_cookie() -> None:
    cookies = []

    def remembering(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            cookies.append(environ.get("HTTP_COOKIE", ""))
            return app(environ, start_response)

        return wrapped

    with over_tls(Site(outside=remembering)) as (origin, _):
        found = check(origin, cookie=LOGIN, api_key=API_KEY)
    assert found.problems == ["certificate"]
    assert cookies
    assert LOGIN not in cookies
    assert found.status == 1


def trusted(ca: trustme.CA, folder: Path) -> Path:
    file = folder / "ca.pem"
    file.write_bytes(ca.cert_pem.bytes())
    return file


@contextmanager
def with_certificate(
    site: Site, leaf: trustme.LeafCert, name: str = "shop.localhost"
) -> Iterator[str]:
    """Serve a site over TLS with a certificate; yield its origin."""
    import ssl

    (port,) = free_ports([0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    origin = f"https://{name}:{port}"
    server = make_server(LOOPBACK, port, site.app(origin), threaded=True, ssl_context=context)
    with server, running(lambda: server.serve_forever(poll_interval=0.05)):
        try:
            yield origin
        finally:
            server.shutdown()


def test_a_certificate_of_a_known_authority_gives_no_finding(tmp_path: Path) -> None:
    ca = trustme.CA()
    file = trusted(ca, tmp_path)
    with with_certificate(Site(), ca.issue_cert("shop.localhost")) as origin:
        found = check(origin, cookie=LOGIN, api_key=API_KEY, SSL_CERT_FILE=str(file))
    assert found.codes == []
    assert found.status == 0


def test_a_certificate_for_another_name_is_found(tmp_path: Path) -> None:
    ca = trustme.CA()
    file = trusted(ca, tmp_path)
    with with_certificate(Site(), ca.issue_cert("other.localhost")) as origin:
        found = check(origin, SSL_CERT_FILE=str(file))
    assert found.problems == ["certificate"]
    assert "shop.localhost" in found.finding("certificate")["what"]


def test_a_certificate_that_expires_soon_gets_advice(tmp_path: Path) -> None:
    from datetime import datetime, timedelta, timezone

    ca = trustme.CA()
    file = trusted(ca, tmp_path)
    soon = datetime.now(timezone.utc) + timedelta(days=3)
    with with_certificate(Site(), ca.issue_cert("shop.localhost", not_after=soon)) as origin:
        found = check(origin, SSL_CERT_FILE=str(file))
    assert found.codes == ["certificate-ends"]
    assert found.status == 0


def checked_over_tls(
    site: Site, folder: Path, *arguments: str, cookie: str = LOGIN, **environ: str
) -> Checked:
    ca = trustme.CA()
    file = trusted(ca, folder)
    with with_certificate(site, ca.issue_cert("shop.localhost")) as origin:
        given = {"SSL_CERT_FILE": str(file), **environ}
        return check(origin, *arguments, cookie=cookie, api_key=API_KEY, **given)


def test_the_only_cookie_that_names_somebody_is_found_if_set_without_secure(tmp_path: Path) -> None:
    site = Site(outside=with_fields(Set_Cookie="session=renewed; Path=/; HttpOnly"))
    found = checked_over_tls(site, tmp_path)
    assert found.codes == ["cookie-without-secure"]
    finding = found.finding("cookie-without-secure")
    assert finding["level"] == "advice"
    assert "sets the cookie session, by which it knows its users, without Secure" in finding["what"]
    assert "renewed" not in found.output
    assert found.status == 0


@pytest.mark.parametrize(
    "set_cookie",
    [
        "session=renewed; Path=/; secure",
        "session=; Max-Age=0; Path=/",
        'session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/',
        "session=deleted; Max-Age=0; Path=/",
        "cart=7; Path=/; HttpOnly",
    ],
    ids=["with Secure", "removed", "removed as by Django", "removed as by PHP", "of no login"],
)
def test_a_cookie_with_secure_or_of_no_login_is_no_finding(set_cookie: str, tmp_path: Path) -> None:
    site = Site(outside=with_fields(Set_Cookie=set_cookie))
    assert checked_over_tls(site, tmp_path).codes == []


def test_which_of_two_cookies_is_the_login_is_not_guessed_but_taken_from_the_settings(
    tmp_path: Path,
) -> None:
    site = Site(outside=with_fields(Set_Cookie="session=renewed; Path=/"))
    both = f"{LOGIN}; cart=7"
    assert checked_over_tls(site, tmp_path, cookie=both).codes == []
    env_file = tmp_path / "site.env"
    env_file.write_text("PAVIOR_TEAM_VANITY_ID=acme\nPAVIOR_SESSION_COOKIE=session\n")
    found = checked_over_tls(site, tmp_path, "--env-file", str(env_file), cookie=both)
    assert "cookie-without-secure" in found.codes


def test_a_cookie_that_names_nobody_is_not_taken_for_a_login(tmp_path: Path) -> None:
    site = Site(
        outside=with_fields(Set_Cookie="session=renewed; Path=/"), identity=lambda environ: None
    )
    assert checked_over_tls(site, tmp_path).codes == ["names-nobody"]


def test_a_cookie_without_secure_on_plain_http_of_this_machine_is_no_finding() -> None:
    site = Site(outside=with_fields(Set_Cookie="session=renewed; Path=/"))
    assert checked(site).codes == []


def without_secure(app: Any) -> Any:
    """Remove Secure from each cookie, as a proxy with wrong rules does."""

    def wrapped(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: Any, *rest: Any) -> Any:
            cookies = {"Set-Cookie"}
            changed = [(k, v.replace("; Secure", "") if k in cookies else v) for k, v in headers]
            return start_response(status, changed, *rest)

        return app(environ, start)

    return wrapped


def test_a_login_cookie_that_a_proxy_has_made_useless_is_found(tmp_path: Path) -> None:
    assert checked_over_tls(Site(settings=LENDER), tmp_path).codes == []
    found = checked_over_tls(Site(settings=LENDER, outside=without_secure), tmp_path)
    assert found.problems == ["cookie-without-secure"]
    assert "__Host-pavior-share" in found.finding("cookie-without-secure")["what"]


@contextmanager
def at_a_name(site: Site) -> Iterator[tuple[str, str]]:
    """Serve a site under a host name that is not this machine's; yield its URL and its address."""
    (port,) = free_ports([0])
    with serving_http_1_1(site.app(f"http://{LOOPBACK}:{port}"), port):
        yield f"http://{NAME}/", f"{LOOPBACK}:{port}"


def at_name(site: Site, **given: str) -> Checked:
    with at_a_name(site) as (url, address):
        return check(url, "--connect-to", address, api_key=API_KEY, **given)


def test_plain_http_is_found_and_gets_no_cookie() -> None:
    found = at_name(Site(), cookie=LOGIN)
    assert "plain-http" in found.problems
    assert "login" in found.not_checked
    assert found.status == 1


def test_a_lender_on_plain_http_is_found_to_have_no_login_cookie() -> None:
    assert "login-cookie-needs-tls" in at_name(Site(settings=LENDER)).problems
    assert "login-cookie-needs-tls" not in at_name(Site()).problems


def test_an_emulator_on_a_site_of_the_network_is_found() -> None:
    assert "embed-local" in at_name(Site()).problems


def test_plain_http_on_this_machine_gives_no_finding() -> None:
    assert checked(Site(settings=LENDER)).codes == []


def test_a_clock_that_is_wrong_is_found() -> None:
    late = formatdate(time.time() - 300, usegmt=True)
    found = checked(Site(outside=with_fields(Date=late)))
    assert found.problems == ["clock"]
    assert "behind" in found.finding("clock")["what"]


def test_a_clock_that_is_some_seconds_off_gives_no_finding() -> None:
    early = formatdate(time.time() + 5, usegmt=True)
    assert checked(Site(outside=with_fields(Date=early))).codes == []


def test_what_does_not_answer_cannot_be_checked() -> None:
    (port,) = free_ports([0])
    found = check(f"http://{LOOPBACK}:{port}/")
    assert found.codes == ["unreachable"]
    assert found.report["verdict"] == "could not check"
    assert found.status == 2


def test_a_host_name_that_does_not_exist_is_reported_as_such() -> None:
    found = check("http://nowhere.invalid/")
    assert found.codes == ["unreachable"]
    assert "spelling" in found.finding("unreachable")["do"]
    assert found.status == 2


def test_a_site_that_leads_in_a_circle_cannot_be_checked() -> None:
    from werkzeug.utils import redirect

    with served(lambda environ, start: redirect("/again")(environ, start)) as origin:
        found = check(origin)
    assert found.codes == ["unreachable"]
    assert found.status == 2


def test_what_speaks_no_http_cannot_be_checked() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        found = check(f"http://{LOOPBACK}:{server.getsockname()[1]}/")
        thread.join()
    assert found.codes == ["unreachable"]


def test_a_page_that_does_not_end_is_read_up_to_a_limit() -> None:
    def endless(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html")])
        yield PAGE.encode()
        for _ in range(200):
            yield b"<!-- more -->" * 4096

    with served(endless) as origin:
        found = check(origin)
    assert found.problems == ["no-script"]


def test_a_url_with_a_scheme_other_than_http_or_with_a_password_is_refused() -> None:
    for url in ("ftp://example.com/", "https://", "https://a b/", "https://user:pw@example.com/"):
        status, _, errors = run("check", url)
        assert status == 2
        assert errors.startswith("pavior: URL must")
        assert "pw@" not in errors


@pytest.mark.parametrize("host", [LOOPBACK, "localhost", "LOCALHOST", "shop.localhost", "[::1]"])
def test_an_address_of_this_machine_without_a_scheme_is_http_and_the_command_says_so(
    host: str,
) -> None:
    (port,) = free_ports([0])
    status, output, errors = run("check", f"{host}:{port}", "--json")
    url = f"http://{host}:{port}/"
    assert json.loads(output)["url"] == url
    assert f"The address has no scheme, so it is taken as {url}" in errors
    assert status == 2


def test_a_page_of_this_machine_is_checked_without_a_scheme() -> None:
    with serving(Site()) as origin:
        found = check(origin.removeprefix("http://"), cookie=LOGIN, api_key=API_KEY)
    assert found.report["url"] == f"{origin}/"
    assert found.status == 0


@pytest.mark.parametrize("host", ["nowhere.invalid", "localhost.invalid", "127.0.0.1.invalid"])
def test_any_other_address_without_a_scheme_is_https_and_the_command_says_so(host: str) -> None:
    _, output, errors = run("check", host, "--json")
    assert json.loads(output)["url"] == f"https://{host}/"
    assert f"it is taken as https://{host}/" in errors


def test_an_address_with_a_scheme_is_taken_without_a_word() -> None:
    with serving(Site()) as origin:
        assert run("check", origin)[2] == ""


def test_a_borrower_of_this_machine_without_a_scheme_is_http() -> None:
    with serving(Site(settings={"shared_auth_domains": "localhost:8000"})) as origin:
        _, output, errors = run("check", origin, "--borrower", "localhost:8000", "--json")
    assert "taken as http://localhost:8000/" in errors
    assert "not-whitelisted" not in [each["code"] for each in json.loads(output)["findings"]]


def test_a_check_without_anything_to_check_is_reported_as_wrong_use() -> None:
    status, _, errors = run("check")
    assert status == 2
    assert "pass the URL" in errors


def test_without_json_the_command_prints_a_line_for_each_finding_and_a_verdict() -> None:
    with serving(Site(settings={"skip_paths": "/*"})) as origin:
        status, output, errors = run("check", origin)
    assert status == 1
    (line,) = (each for each in output.splitlines() if each.startswith("problem"))
    assert line.startswith("problem [no-script] The page has no script")
    assert output.splitlines()[-1] == f"{origin}/: 1 problem"
    assert errors == ""


def test_a_host_with_other_letters_than_ascii_is_asked_for_in_punycode() -> None:
    (port,) = free_ports([0])
    with serving_http_1_1(Site().app(f"http://{LOOPBACK}:{port}"), port):
        found = check("http://m\u00fcnchen.test/", "--connect-to", f"{LOOPBACK}:{port}")
    assert found.report["url"] == "http://xn--mnchen-3ya.test/"
    assert "plain-http" in found.problems


@pytest.mark.parametrize("host", ["-\u00fc-.test", "a..test", f"{'a' * 64}.test"])
def test_a_host_that_no_dns_name_can_have_is_refused(host: str) -> None:
    status, output, errors = run("check", f"https://{host}/", "--json")
    assert status == 2
    assert host in json.loads(output)["error"]
    assert "Traceback" not in errors

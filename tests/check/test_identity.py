"""The doctor says whom a page names, and whether Pavior would believe it."""

from __future__ import annotations

from typing import Any

import pytest

from pavior_middleware import Identity
from tests.support.doctor import LOGIN, Site, checked


def always(identity: Identity | None) -> Any:
    """Return an `identity` that names this user for the cookie of the login."""
    return lambda environ: identity if LOGIN in environ.get("HTTP_COOKIE", "") else None


def test_the_user_of_a_page_is_reported_without_the_whole_address() -> None:
    found = checked(Site())
    assert "the id '7' and the email 'a…@example.com'" in " ".join(found.report["facts"])
    assert "ada@example.com" not in found.output


def test_a_cookie_whose_page_names_nobody_is_a_problem() -> None:
    found = checked(Site(), cookie="session=of-a-login-that-is-over")
    assert found.problems == ["names-nobody"]
    assert found.status == 1


def test_an_identity_that_raises_is_found() -> None:
    def fails(environ: Any) -> Identity:
        raise RuntimeError("no database")

    found = checked(Site(identity=fails))
    assert found.problems == ["identity-fails", "names-nobody"]


def test_a_site_that_names_the_same_user_to_everybody_is_found() -> None:
    found = checked(Site(identity=lambda environ: Identity("7")), cookie="")
    assert found.problems == ["names-somebody-else"]


def test_an_hmac_by_another_key_is_found() -> None:
    found = checked(Site(), api_key="another-key-than-that-of-the-site")
    assert found.problems == ["hmac-wrong"]


def test_without_a_key_the_hmac_is_not_checked() -> None:
    found = checked(Site(), api_key="")
    assert found.codes == []
    assert found.not_checked == ["hmac", "team", "key-at-pavior", "key-in-page"]


def test_a_lead_gets_advice() -> None:
    found = checked(Site(identity=always(Identity("7", authenticated=False))))
    assert found.codes == ["not-authenticated"]
    assert found.status == 0


def test_an_id_that_is_an_email_is_a_problem() -> None:
    found = checked(Site(identity=always(Identity("ada@example.com", "ada@example.com"))))
    assert found.problems == ["id-is-email"]


@pytest.mark.parametrize("name", ["ada", "ada.lovelace", "Ada_Lovelace", "ada99"])
def test_an_id_that_looks_like_a_user_name_gets_advice(name: str) -> None:
    found = checked(Site(identity=always(Identity(name))))
    assert found.codes == ["id-is-name"]
    assert found.status == 0


@pytest.mark.parametrize(
    "identifier", ["7", "550e8400-e29b-41d4-a716-446655440000", "usr_2Fh8K1", "01HZXP4T9K"]
)
def test_an_id_that_is_a_database_key_gives_no_finding(identifier: str) -> None:
    assert checked(Site(identity=always(Identity(identifier)))).codes == []


def test_a_page_and_share_auth_that_name_different_users_are_found() -> None:
    def identity(environ: Any) -> Identity | None:
        if LOGIN not in environ.get("HTTP_COOKIE", ""):
            return None
        return Identity("8" if "share-auth" in environ["PATH_INFO"] else "7")

    found = checked(Site(identity=identity))
    assert found.problems == ["share-auth-differs"]


def test_the_user_of_a_cacheable_page_is_the_one_that_its_site_answers() -> None:
    found = checked(Site(settings={"cacheable_pages": True}))
    assert "with the cookie, the page names the id '7'" in " ".join(found.report["facts"])
    over = checked(
        Site(settings={"cacheable_pages": True}), cookie="session=of-a-login-that-is-over"
    )
    assert over.problems == ["names-nobody"]


def test_the_key_in_the_page_is_found_and_not_shown() -> None:
    key = 'a-key-with-"quotes"-&-more'
    for written in ('a-key-with-"quotes"-&-more', r"a-key-with-\"quotes\"-&-more"):
        page = f"<!doctype html><title>.</title><script>key = '{written}'</script>"
        found = checked(Site(page=page), api_key=key)
        assert "key-in-page" in found.problems
        assert "quotes" not in found.output


def test_the_key_in_a_script_file_is_found() -> None:
    site = Site(
        page="<!doctype html><title>.</title><script src=/app.js></script>",
        files={"/app.js": "const key = 'a-key-that-is-in-a-script'"},
    )
    found = checked(site, api_key="a-key-that-is-in-a-script")
    assert "/app.js" in found.finding("key-in-page")["what"]


def test_a_short_key_is_not_looked_for() -> None:
    assert "key-in-page" not in checked(Site(), api_key="Text").problems


def test_a_long_id_of_letters_takes_linear_time() -> None:
    found = checked(Site(identity=always(Identity("a" * 5000 + "!"))))
    assert found.codes == []

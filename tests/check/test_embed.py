"""The doctor finds an embed that does not load."""

from __future__ import annotations

import pytest
from werkzeug.wrappers import Response

from demo.ports import LOOPBACK, free_ports
from tests.support.doctor import EMBED, Site, at_paths, checked, served, with_fields


@pytest.mark.parametrize(
    ("response", "what"),
    [
        (Response("", 404, mimetype="text/javascript"), "answers 404"),
        (Response(EMBED, mimetype="text/html"), "is no script, but text/html"),
        (Response("void 0", mimetype="text/javascript"), "does not define Pavior"),
    ],
    ids=["missing", "page", "another script"],
)
def test_an_embed_url_that_serves_something_else_is_found(response: Response, what: str) -> None:
    found = checked(Site(outside=at_paths("/embed", response)))
    assert found.problems == ["embed-fails"]
    assert what in found.finding("embed-fails")["what"]


def test_an_embed_whose_server_does_not_answer_is_found() -> None:
    (port,) = free_ports([0])
    found = checked(Site(settings={"embed_url": f"http://{LOOPBACK}:{port}/embed"}))
    assert found.problems == ["embed-fails"]


def test_an_embed_that_a_cross_origin_isolated_page_may_not_load_is_found() -> None:
    embed = Response(EMBED, mimetype="text/javascript")
    with served(embed) as elsewhere:
        site = Site(
            settings={"embed_url": f"{elsewhere}/embed"},
            outside=with_fields(Cross_Origin_Embedder_Policy="require-corp"),
        )
        assert checked(site).problems == ["embed-isolated"]
        embed.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        assert checked(site).codes == []

"""A browser on a customer's site, and the team's look at the emulator's inbox."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import httpx2
from bs4 import BeautifulSoup, Tag
from starlette.testclient import TestClient

API_KEY = "an-api-key-that-must-never-be-seen"
TEAM = "paving-co"
VISITOR = "0123456789abcdef0123456789abcdef"


def one(page: Tag, selector: str) -> Tag:
    (tag,) = page.select(selector)
    return tag


def signature(identifier: str, key: str = API_KEY) -> str:
    return hmac.new(key.encode(), identifier.encode(), hashlib.sha256).hexdigest()


class Site:
    """A browser on a customer's site, and a look at the emulator's inbox."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def init(
        self,
        _options: dict[str, Any] | None = None,
        *,
        visitor: object = VISITOR,
        borrowed: object = None,
        origin: str = "https://shop.example.com",
        **options: Any,
    ) -> dict[str, Any]:
        body = {
            "options": {"teamVanityId": TEAM, **options, **(_options or {})},
            "visitor": visitor,
            "borrowed": borrowed,
            "page": {"url": f"{origin}/setts?size=9", "title": "Granite setts"},
        }
        response = self.client.post("/widget/init", json=body, headers={"Origin": origin})
        assert response.status_code == 200
        return dict(response.json())

    def send(self, answer: dict[str, Any], text: str) -> httpx2.Response:
        return self.client.post(
            "/widget/messages", json={"session": answer["session"], "text": text}
        )

    def inbox(self) -> list[dict[str, Any]]:
        return list(self.client.get("/api/inbox").json()["contacts"])

    def contact(self) -> dict[str, Any]:
        (contact,) = self.inbox()
        return contact

    def save_domains(self, text: str, **headers: str) -> httpx2.Response:
        return self.client.post(
            "/settings", data={"domains": text}, headers=headers, follow_redirects=False
        )

    def page(self, path: str = "/") -> BeautifulSoup:
        response = self.client.get(path)
        assert response.status_code == 200
        return BeautifulSoup(response.text, "html5lib")

    def conversation(self, identifier: str) -> BeautifulSoup:
        contact = self.page().find(None, {"data-contact": identifier})
        assert contact is not None
        return self.page(str(one(contact, "a")["href"]))

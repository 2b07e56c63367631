"""An API reads consent, and refuses what needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

POSITION = {"latitude": 54.5813, "longitude": -1.2102}


@pytest.fixture
def client(ask: Callable[[ASGIApp], httpx.Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> httpx.Client:
    monkeypatch.chdir(tmp_path)  # where the default ledger is kept
    from examples.fastapi_app import app

    app.middleware_stack = None  # the app is the module's; each test mounts it anew
    return ask(app)


def test_recommendations_are_personal_only_with_consent(client: httpx.Client) -> None:
    assert client.get("/recommendations").json() == {"personal": False, "stories": ["the ferry"]}
    client.post("/consent/decision", json={"action": "accept_all"}).raise_for_status()
    assert client.get("/recommendations").json()["personal"] is True


def test_location_needs_its_own_yes(client: httpx.Client) -> None:
    refused = client.get("/nearby", params=POSITION, headers={"accept": "application/json"})
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert "geolocation" in refused.json()["detail"]

    client.post("/consent/decision", json={"action": "accept_all"}).raise_for_status()
    assert client.get("/nearby", params=POSITION).status_code == 403

    allowed = {"action": "save", "categories": {"geolocation": True}}
    client.post("/consent/decision", json=allowed).raise_for_status()
    assert client.get("/nearby", params=POSITION).json() == {"latitude": 54.58, "longitude": -1.21}


def test_the_documentation_page_still_works(client: httpx.Client) -> None:
    assert "swagger-ui" in client.get("/docs").text

"""The one-line mount keeps its page quiet until the visitor agrees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware

TAG = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script>'


def test_the_page_calls_nobody_before_consent_and_is_whole_after_it(
    ask: Callable[[ASGIApp], httpx.Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where the default ledger is kept
    from examples.starlette_app import app

    assert isinstance(app, ConsentMiddleware)
    client = ask(app)
    before = client.get("/")
    assert before.status_code == 200
    assert TAG not in before.text
    assert "set-cookie" not in before.headers

    client.post("/consent/decision", json={"action": "accept_all"}).raise_for_status()
    after = client.get("/")
    assert TAG in after.text
    assert after.cookies["_ga"] == "GA1.1.1234.5678"
    assert (tmp_path / "consent.sqlite3").exists()

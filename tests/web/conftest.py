"""What several tests of the web floor stand on."""

from __future__ import annotations

import pytest

from web.worker import Clock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that everything sees, for the test to set."""
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock

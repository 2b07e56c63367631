"""Whom Chromium contacts, by its own account: its network log knows of every look-up, connection and request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, BrowserType

from corpus.forms import CONTACT, DOMAIN
from e2e.apps import chromium

PROFILES = ("normal", "incognito")


@contextmanager
def logged(kind: BrowserType, profile: str, folder: Path, port: int, **options: Any) -> Iterator[BrowserContext]:
    """A browser in a normal profile, or a context that keeps nothing, whose network log is written to ``folder``.

    :param port: where the third parties are, on loopback
    """
    rules = f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    switches = chromium.options(rules, f"--log-net-log={folder / 'net.json'}", "--net-log-capture-mode=Default")
    if profile == "normal":
        with kind.launch_persistent_context(folder / "profile", **switches, **options) as context:
            yield context
    else:
        with kind.launch(**switches) as browser, browser.new_context(**options) as context:
            yield context


def contacted(folder: Path) -> set[int]:
    """Numbers of the forms whose third party the closed browser looked up, connected to or asked."""
    return {int(number) for number in CONTACT.findall((folder / "net.json").read_bytes())}

"""The demo without a browser: its pages, its cookies on either side of the middleware, its trackers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo import trackers
from examples.demo.events import KEPT, EventLog
from examples.demo.site import CONFIG, create_site
from starlette.types import ASGIApp

ROOT = Path(__file__).parents[2]
SECRET = "0123456789abcdef0123456789abcdef"
PATHS = ["/", "/story/ferry", "/story/nets", "/nearby", "/nearby?landing=Old+Pier", "/sign-in", "/privacy"]
OWN_COOKIES = {
    *("csrftoken", "hp_theme", "session", "hp_remember", "hp_visitor"),
    *("hp_reads", "hp_bucket", "hp_campaign", "hp_town", "hp_legacy"),
}


@pytest.fixture
def log() -> EventLog:
    return EventLog()


@pytest.fixture
def client(ask: Callable[[ASGIApp], httpx.Client], log: EventLog) -> httpx.Client:
    return ask(create_site(tracker_port=8001, secret=SECRET, log=log))


def _sign_in(client: httpx.Client) -> None:
    csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/sign-in").text)
    assert csrf is not None
    form = {"csrf": csrf[1], "name": "Mara <b>", "password": "ferry", "remember": "1"}
    client.post("/sign-in", data=form).raise_for_status()


def _visit_everything(client: httpx.Client) -> None:
    for path in PATHS:
        client.get(path).raise_for_status()
    _sign_in(client)
    csrf = client.cookies["csrftoken"]
    client.post("/theme", data={"csrf": csrf, "theme": "dark"}).raise_for_status()


def _allow_everything(client: httpx.Client) -> None:
    categories = {"identification": True, "personalization_analytics": True, "geolocation": True}
    answer = client.post("/consent/decision", json={"action": "save", "categories": categories})
    answer.raise_for_status()


@pytest.mark.parametrize("path", PATHS)
def test_no_page_leads_to_a_tracker_before_consent(client: httpx.Client, path: str) -> None:
    text = client.get(path).text
    assert not re.search(r'(?<!data-consent-)\b(?:src|href|srcset)="http://\w+\.localhost', text)
    assert text.count("localhost:8001") >= 7, "the tags stay, held back"


def test_all_ten_trackers_are_on_the_article(client: httpx.Client) -> None:
    _allow_everything(client)
    found = set(re.findall(r"http://(\w+)\.localhost:8001", client.get("/story/ferry").text))
    assert found == {tracker.id for tracker in trackers.TRACKERS}


def test_before_consent_only_what_is_necessary_is_kept(client: httpx.Client, log: EventLog) -> None:
    _visit_everything(client)
    assert {cookie.name for cookie in client.cookies.jar} == {"csrftoken", "hp_theme", "session"}
    assert all(cookie.expires is None for cookie in client.cookies.jar if cookie.name == "session")
    wanted = {name for event in log.since(kind="exchange") for name in event["wanted"]}
    assert wanted == OWN_COOKIES - {"hp_town"}, "the app did try"


def test_after_consent_every_cookie_works_but_the_one_nobody_was_told_about(
    client: httpx.Client, log: EventLog
) -> None:
    _allow_everything(client)
    _visit_everything(client)
    answer = client.post("/nearby", json={"latitude": 54.58, "longitude": -1.2})
    assert answer.json()["says"].startswith("The nearest landing is Old Pier")
    ours = {"consent"}
    assert {cookie.name for cookie in client.cookies.jar} - ours == OWN_COOKIES - {"hp_legacy"}
    front = client.get("/").text
    assert "Mara &lt;b&gt;" in front
    assert "Old Pier" in front
    saw = {name for event in log.since(kind="exchange") for name in event["saw"]}
    assert saw - {"consent"} == OWN_COOKIES - {"hp_legacy"}


def test_a_withdrawal_takes_the_cookies_away(client: httpx.Client) -> None:
    _allow_everything(client)
    _visit_everything(client)
    client.post("/consent/withdraw", json={}).raise_for_status()
    left = {cookie.name for cookie in client.cookies.jar} - {"consent", "session"}
    assert left == {"csrftoken", "hp_theme"}


def test_the_position_does_not_arrive_without_consent(client: httpx.Client) -> None:
    answer = client.post("/nearby", json={"latitude": 54.58, "longitude": -1.2}, headers={"accept": "*/*"})
    assert answer.status_code == 403
    assert "54.58" not in answer.text


@pytest.mark.parametrize("body", ["[]", "{}", "nonsense", '{"latitude": 1e999, "longitude": 0}', '{"latitude": null}'])
def test_a_position_that_is_none_is_said_so(client: httpx.Client, body: str) -> None:
    _allow_everything(client)
    answer = client.post("/nearby", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_forms_are_checked(client: httpx.Client) -> None:
    client.get("/")
    assert client.post("/sign-in", data={"name": "x", "password": "ferry"}).status_code == 403
    assert client.post("/newsletter", data={"email": "a@example.org"}).status_code == 422
    csrf = client.cookies["csrftoken"]
    assert "a@example.org" in client.post("/newsletter", data={"email": "a@example.org", "csrf": csrf}).text
    assert client.post("/sign-in", data={"name": "x", "password": "no", "csrf": csrf}).status_code == 422


def test_what_was_blocked_is_said_on_the_watch_page(client: httpx.Client, log: EventLog) -> None:
    with log.listening_to("consent_mw.blocked"):
        client.get("/story/ferry")
    said = "\n".join(event["text"] for event in log.since(kind="blocked"))
    assert "unclassified response cookie 'hp_legacy'" in said
    assert "service analytics" in said
    assert "hp_visitor" in said


def test_the_log_is_bounded() -> None:
    log = EventLog()
    for _ in range(KEPT + 5):
        log.add("contact", tracker="x")
    kept = log.since()
    assert len(kept) == KEPT
    assert kept[0]["n"] == 5


def test_trackers_write_down_every_contact(ask: Callable[[ASGIApp], httpx.Client], log: EventLog) -> None:
    client = ask(trackers.create_app(log))
    pixel, analytics, nobody = ({"host": f"{name}.localhost:8001"} for name in ("pixel", "analytics", "nobody"))
    assert client.get("/p.gif", headers=pixel).content.startswith(b"GIF89a")
    assert client.get("/%2e%2e/ads/boots-1x.svg", headers=pixel).status_code == 404
    assert client.post("/collect", content=b"x", headers=analytics).status_code == 204
    assert client.get("/", headers=nobody).status_code == 404
    contacts = [(event["tracker"], event["path"]) for event in log.since(kind="contact")]
    assert contacts == [("pixel", "/p.gif"), ("pixel", "/../ads/boots-1x.svg"), ("analytics", "/collect")]


def test_every_tracker_is_declared() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    for tracker in trackers.TRACKERS:
        assert f'id = "{tracker.id}"\nname = "{tracker.name}"' in text
        assert f'hosts = ["{tracker.id}.localhost"]' in text


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a child differently there")
def test_one_command_starts_it_and_ctrl_c_ends_it_though_ports_are_taken_and_somebody_watches() -> None:
    taken = _take(8000)
    command = [sys.executable, "-m", "examples.demo"]
    env = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with taken, subprocess.Popen(command, cwd=ROOT, env=env, **pipes) as demo:
        try:
            assert demo.stdout is not None
            address = demo.stdout.readline().split()[-1]
            assert ":8000/" not in address
            assert b"The Harbour Post" in _get(address)
            with urllib.request.urlopen(address + "watch/events", timeout=10) as events:
                assert events.readline() == b"retry: 1000\n"
                demo.send_signal(signal.SIGINT)
                out, err = demo.communicate(timeout=15)
        finally:
            demo.kill()
    assert demo.returncode == 0
    assert "Stopped." in out
    assert "Traceback" not in err


def _take(port: int) -> AbstractContextManager[object]:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return nullcontext()  # somebody else has taken it


def _get(address: str) -> bytes:
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                body: bytes = answer.read()
                return body
        except ConnectionError:
            continue
    raise AssertionError(f"{address} does not answer")

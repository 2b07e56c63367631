"""Partners are told: signed, by a name and no more, and in the end, whatever is down in between. Over real sockets."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from consent_mw import ConfigError, ConsentConfig, ConsentMiddleware
from consent_mw.ledger.base import Event
from consent_mw.webhook_settings import WebhookEvent
from web.worker import SECRET

KEY = b"32 bytes that both sides know..."
SHARED = "whsec_" + base64.b64encode(KEY).decode()
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Receiver:
    """A partner's server that can be killed and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._process: subprocess.Popen[bytes] | None = None

    def starts(self, status: int = 200) -> None:
        self.answers(status)
        program = Path(__file__).with_name("receiver.py")
        self._process = subprocess.Popen([sys.executable, program, str(self.port), self.folder])
        until(self._listens, "the receiver starts")

    def answers(self, status: int) -> None:
        (self.folder / "status").write_text(str(status))

    def is_killed(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def got(self, name: str = "received") -> list[dict[str, Any]]:
        file = self.folder / name
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path / "partner")
    yield receiver
    receiver.is_killed()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent_mw.web.webhooks.PAUSES_SECONDS", (0.1,) * 90)


@contextmanager
def site(folder: Path, *hooks: dict[str, Any], **config: Any) -> Iterator[httpx.Client]:
    """The app under uvicorn, and one visitor's browser."""
    config = {"webhooks": list(hooks), **config}
    app = ConsentMiddleware(Starlette(), config, secret_key=SECRET, ledger=f"sqlite:///{folder}/consent.sqlite3")
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", headers=SAME_ORIGIN) as client:
        yield client
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive()


def says(client: httpx.Client, action: str) -> dict[str, Any]:
    path = "withdraw" if action == "withdraw" else "decision"
    answer = client.post(f"/consent/{path}", json={} if action == "withdraw" else {"action": action})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def waiting(folder: Path, ending: str = ".json") -> list[Path]:
    return list((folder / "consent.sqlite3.spool" / "webhooks").glob(f"*/*{ending}"))


def is_signed(headers: dict[str, str], body: str) -> bool:
    """As a receiver checks it: https://www.standardwebhooks.com, "Verifying signatures"."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    expected = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def test_a_withdrawal_arrives_once_signed_and_without_anything_but_an_id(receiver: Receiver, tmp_path: Path) -> None:
    receiver.starts()
    use = ["google-analytics"]
    with site(tmp_path, {"url": receiver.url, "secret": SHARED}, use=use) as client:
        says(client, "accept_all")
        subject = client.get("/consent/history").json()["subject"]
        says(client, "withdraw")
        until(receiver.got, "the withdrawal arrives")
        until(lambda: not waiting(tmp_path), "nothing waits any more")
    (told,) = receiver.got()
    assert is_signed(told["headers"], told["body"])
    assert abs(int(told["headers"]["webhook-timestamp"]) - time.time()) < 300
    body = json.loads(told["body"])
    assert body["type"] == "consent.withdrawn"
    assert set(body) == {"type", "timestamp", "data"}
    data = body["data"]
    assert set(data) == {"subject", "site", "policy", "regime", "signals", "categories", "services"}
    assert (data["subject"], data["services"]) == (subject, {"google-analytics": "denied"})
    assert "cookie" not in told["headers"]


def test_it_arrives_though_the_partner_fails_and_dies_and_the_app_restarts(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    hook = {"url": receiver.url, "secret": SHARED}
    receiver.starts(503)
    with site(tmp_path, hook) as client:
        says(client, "accept_all")
        says(client, "withdraw")
        until(lambda: receiver.got("refused"), "the first attempt")
        receiver.is_killed()
        until(lambda: "ConnectError" in caplog.text, "an attempt while the partner is down")
    assert len(waiting(tmp_path)) == 1
    receiver.starts()
    with site(tmp_path, hook):
        until(receiver.got, "the withdrawal arrives after the restart")
        until(lambda: not waiting(tmp_path), "nothing waits any more")
    ids = {told["headers"]["webhook-id"] for told in (*receiver.got("refused"), *receiver.got())}
    assert len(ids) == 1, "a repetition has the same id"
    assert is_signed(receiver.got()[-1]["headers"], receiver.got()[-1]["body"])
    assert receiver.url not in caplog.text, "an address may be secret"


def test_each_partner_hears_of_its_events_and_one_that_is_down_holds_up_nobody(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.starts()
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    hooks = [{"url": nobody, "secret": SHARED}, {"url": receiver.url, "secret": SHARED, "events": ["given"]}]
    with site(tmp_path, *hooks) as client:
        says(client, "accept_all")
        says(client, "withdraw")
        until(receiver.got, "the consent arrives")
    assert [json.loads(told["body"])["type"] for told in receiver.got()] == ["consent.given"]
    assert len(waiting(tmp_path)) == 1


def test_of_a_refusal_there_is_nothing_to_say(receiver: Receiver, tmp_path: Path) -> None:
    receiver.starts()
    with site(tmp_path, {"url": receiver.url, "secret": SHARED, "events": get_args(WebhookEvent)}) as client:
        says(client, "reject_all")
        says(client, "accept_all")
        until(receiver.got, "the consent arrives")
    assert [json.loads(told["body"])["type"] for told in receiver.got()] == ["consent.changed"]


@pytest.mark.parametrize("status", [307, 404, 500])
def test_after_the_last_attempt_it_is_set_aside_and_said(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("consent_mw.web.webhooks.PAUSES_SECONDS", (0.05, 0.05))
    receiver.starts(status)
    with site(tmp_path, {"url": receiver.url, "secret": SHARED}) as client:
        says(client, "accept_all")
        says(client, "withdraw")
        until(lambda: waiting(tmp_path, ".failed"), "it is set aside")
    assert len(receiver.got("refused")) == 3
    assert waiting(tmp_path) == []
    assert f"gave up on message {waiting(tmp_path, '.failed')[0].stem}, set aside: status {status}" in caplog.text


def test_a_disk_that_is_full_does_not_keep_anybody_from_withdrawing(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "consent.sqlite3.spool").write_text("a file where a directory has to be")
    with site(tmp_path, {"url": receiver.url, "secret": SHARED}) as client:
        says(client, "accept_all")
        state = says(client, "withdraw")
    assert state["categories"]["identification"] == "denied"
    assert "could not be kept and will not be sent" in caplog.text


# What can be wrong at start-up


@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        ({"url": "http://partner.example/hook"}, "an https address"),
        ({"url": "http://127.0.0.1.evil.example/"}, "an https address"),
        ({"url": "ftp://partner.example/"}, "webhooks.0.url"),
        ({"url": "https://user:pass@partner.example/"}, "webhooks.0.url"),
        ({"secret": "short"}, "whsec_ and the base64 of 24 to 64"),
        ({"secret": "whsec_c2hvcnQ="}, "whsec_ and the base64 of 24 to 64"),
        ({"secret": "whsec_*"}, "whsec_ and the base64 of 24 to 64"),
        ({"events": []}, "webhooks.0.events"),
        ({"events": ["opened"]}, "'signal_honoured'"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(wrong: dict[str, Any], allowed: str) -> None:
    entry = {"url": "https://partner.example/hook", "secret": SHARED, **wrong}
    with pytest.raises(ConfigError) as error:
        ConsentConfig(webhooks=[entry])
    assert allowed in str(error.value)
    assert "secret" not in wrong or wrong["secret"] not in str(error.value)


def test_a_message_that_would_not_outlive_a_restart_is_refused_at_start_up() -> None:
    config = {"webhooks": [{"url": "https://partner.example/", "secret": SHARED}]}
    for ledger in ("memory://", None):
        with pytest.raises(ConfigError, match="allowed: "):
            ConsentMiddleware(Starlette(), config, secret_key=SECRET, ledger=ledger)


def test_without_httpx_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    config = {"webhooks": [{"url": "https://partner.example/", "secret": SHARED}]}
    with pytest.raises(ConfigError, match=r"pip install 'consent-mw\[webhooks\]'"):
        ConsentMiddleware(Starlette(), config, secret_key=SECRET, ledger=f"sqlite:///{tmp_path}/l.sqlite3")


def test_a_partner_can_hear_of_what_the_ledger_records() -> None:
    assert set(get_args(WebhookEvent)) < {event.value for event in Event}

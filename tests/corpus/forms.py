"""The corpus as values, and a site that serves it: every form a page of its own, all of them frames of one page."""

from __future__ import annotations

import base64
import gzip
import re
import tomllib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import brotli
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(__file__).parent
DOMAIN = "tracker.test"
CONFIG: Mapping[str, Any] = {
    "services": [
        {
            "id": "tracker",
            "name": "Tracker",
            "purposes": ["analytics"],
            "hosts": [DOMAIN],
            "paths": ["/tracker.js"],
            "inline": ["trackerCall(", "trackerQueue.push("],
        }
    ]
}
CONTACT = re.compile(rb"f(\d{3})x[./]")
"""How a contact names the form that made it, in a host or in a path of the site."""

_CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}
_BASE64 = re.compile(r"BASE64\[(.*?)\]", re.DOTALL)
_QUOTED = re.compile(r"QUOTED\[(.*?)\]", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Form:
    """One document of the corpus.

    :ivar group: the table it stands in
    :ivar type: its Content-Type, absent when empty
    """

    number: int
    group: str
    name: str
    body: bytes
    type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    @property
    def needs_no_scripts(self) -> bool:
        return self.group == "noscript"

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


def live() -> list[Form]:
    return _load("live.toml")


def benign() -> list[Form]:
    return _load("benign.toml")


def _load(file: str) -> list[Form]:
    tables = tomllib.loads((FOLDER / file).read_text(encoding="utf-8"))
    entries = [(group, name, entry) for group, table in tables.items() for name, entry in table.items()]
    return [_form(number, *entry) for number, entry in enumerate(entries)]


def _form(number: int, group: str, name: str, entry: Any) -> Form:
    if group == "headers":
        split = [spelled(line, number).partition(": ") for line in entry]
        status = next((int(value) for key, _, value in split if key == "Status"), 200)
        headers = tuple((key.lower().encode(), value.encode()) for key, _, value in split if key != "Status")
        return Form(number=number, group=group, name=name, body=b"<p>a", status=status, headers=headers)
    if isinstance(entry, str):
        return Form(number=number, group=group, name=name, body=spelled(entry, number).encode())
    body = spelled(entry["body"], number).encode(entry.get("encoding", "utf-8"))
    coding = entry.get("coding", "")
    headers = ((b"content-encoding", coding.encode()),) if coding else ()
    return Form(number=number, group=group, name=name, body=_CODINGS[coding](body), type=entry["type"], headers=headers)


def spelled(text: str, number: int) -> str:
    """The text with this form's own host, in whatever spelling it asks for."""
    host = f"f{number:03}x.{DOMAIN}"
    text = text.replace("HO&NewLine;ST", host[:3] + "&NewLine;" + host[3:])
    text = text.replace("REFS", "".join(f"&#x{ord(letter):x};" for letter in f"http://{host}"))
    text = text.replace("ESCAPED", "".join(f"\\{ord(letter):06x}" for letter in host))
    text = text.replace("PERCENT", "".join(f"%{ord(letter):02x}" for letter in host))
    text = text.replace("WIDE", "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in host))
    text = text.replace("UPPER", host.upper()).replace("OWN", f"/f{number:03}x").replace("HOST", host)
    text = _BASE64.sub(lambda match: base64.b64encode(match[1].encode()).decode(), text)
    return _QUOTED.sub(lambda match: quote(match[1], safe=""), text)


def site(forms: Iterable[Form]) -> ASGIApp:
    """``/`` holds every form in a frame, ``/form/NUMBER`` is one of them."""
    known = {f"/form/{form.number}": form for form in forms}
    frames = "".join(f'<iframe width="90" height="60" src="{path}"></iframe>' for path in known)
    index = f'<!doctype html><title>Corpus</title><link rel="icon" href="data:,">{frames}'.encode()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        form = known.get(scope["path"])
        if form is not None:
            headers = [*form.headers, *([(b"content-type", form.type.encode())] if form.type else [])]
            await _answer(send, form.status, headers, form.body)
        elif scope["path"] == "/":
            await _answer(send, 200, [(b"content-type", b"text/html")], index)
        else:
            await _answer(send, 404, [(b"content-type", b"text/plain")], b"not here")

    return app


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [*headers, (b"cache-control", b"no-store")]}
    )
    await send({"type": "http.response.body", "body": body})

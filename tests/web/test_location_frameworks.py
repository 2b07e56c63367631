"""Bodies that were judged, read by the parsers of frameworks: what is left is well-formed, whatever its length."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import UserSettingsHolder, global_settings, settings
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser
from starlette.datastructures import UploadFile
from starlette.requests import Request

from asgi.both_sides import BROWSER, middleware
from consent_mw import ConsentMiddleware
from web.test_location_photos import PHOTO, places

SMALL, LARGE = 100, 3 * 1024 * 1024
FILE = b'--XX\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
FIELD = b'--XX\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


def multipart(note: int) -> bytes:
    fields = FIELD % (b"lat", b"39.9042") + FIELD % (b"note", b"n" * note) + FIELD % (b"lng", b"116.4074")
    return fields + FILE + PHOTO + b"\r\n" + FIELD % (b"title", b"A tree") + b"--XX--\r\n"


def run(mounted: ConsentMiddleware, app: Any, kind: str, body: bytes) -> None:
    """One POST in pieces of 64 KB, with its length stated."""
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    queue = [{"type": "http.request", "body": p, "more_body": n < len(pieces)} for n, p in enumerate(pieces, start=1)]

    async def receive() -> Any:
        return queue.pop(0)

    async def send(message: Any) -> None:
        pass

    headers = [
        (b"host", b"x"),
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        *BROWSER,
    ]
    mounted.app = app
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "scheme": "https", "http_version": "1.1",
        "headers": headers,
    }  # fmt: skip
    asyncio.run(mounted(scope, receive, send))


@pytest.fixture(scope="module")
def mounted() -> ConsentMiddleware:
    return middleware()


@pytest.mark.parametrize("note", [SMALL, LARGE], ids=["held", "streamed"])
def test_starlette_reads_the_form(note: int, mounted: ConsentMiddleware) -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        async with request.form(max_part_size=note + 1000) as form:
            seen.update(form)
            upload = form["photo"]
            assert isinstance(upload, UploadFile)
            seen["photo"] = await upload.read()

    run(mounted, app, "multipart/form-data; boundary=XX", multipart(note))
    assert set(seen) == {"note", "photo", "title"}
    assert len(seen["photo"]) == len(PHOTO)
    assert places(seen["photo"]) == {}


@pytest.fixture
def plain_django() -> Iterator[None]:
    """Django's defaults for one test: another one configures it for good."""
    before = settings._wrapped
    settings._wrapped = UserSettingsHolder(global_settings)
    settings._wrapped.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    yield
    settings._wrapped = before


@pytest.mark.parametrize("note", [SMALL, LARGE], ids=["held", "streamed"])
@pytest.mark.usefixtures("plain_django")
def test_django_reads_the_form(note: int, mounted: ConsentMiddleware) -> None:
    """Django reads as many bytes as ``Content-Length`` says, and none without it."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        length = request.headers["content-length"]
        assert int(length) == len(body)
        meta = {"CONTENT_LENGTH": length, "CONTENT_TYPE": request.headers["content-type"]}
        handlers = [MemoryFileUploadHandler(), TemporaryFileUploadHandler()]
        fields, files = MultiPartParser(meta, io.BytesIO(body), handlers, "utf-8").parse()
        seen.update({name: fields[name] for name in fields})
        for name in files:
            seen[name] = files[name].read()
            files[name].close()

    run(mounted, app, "multipart/form-data; boundary=XX", multipart(note))
    assert set(seen) == {"note", "photo", "title"}
    assert seen["note"] == "n" * note
    assert places(seen["photo"]) == {}


@pytest.mark.parametrize("note", [SMALL, LARGE], ids=["held", "streamed"])
def test_starlette_reads_json_and_forms(note: int, mounted: ConsentMiddleware) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        if request.headers["content-type"] == "application/json":
            seen.append(await request.json())
        else:
            seen.append(dict(await request.form()))

    run(mounted, app, "application/json", json.dumps({"lat": 39.9042, "note": "n" * note}).encode())
    form = b"&".join(b"note%d=" % number + b"n" * 9999 for number in range(note // 10_000 + 1))
    run(mounted, app, "application/x-www-form-urlencoded", b"lat=39.9042&" + form)
    assert seen[0] == {"note": "n" * note}
    assert seen[1] == {f"note{number}": "n" * 9999 for number in range(note // 10_000 + 1)}

"""Photos in uploads, raw and multipart: the place goes, the picture stays, and what cannot be read is refused."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from functools import cache
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import IFD

from asgi.both_sides import BROWSER, Exchange, exchange, grant, middleware
from consent_mw import ConsentMiddleware


def photo(size: int = 64) -> bytes:
    """A JPEG with a GPS directory and an orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (39.0, 54.0, 15.0), 3: "E", 4: (116.0, 24.0, 26.0)})
    out = io.BytesIO()
    Image.effect_noise((size, size), 90).save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


def places(data: bytes) -> dict[int, Any]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[0x0112] == 6, "the orientation stays"
        return dict(image.getexif().get_ifd(IFD.GPSInfo))


PHOTO = photo()
BROKEN = PHOTO[:60]


@pytest.fixture(scope="module")
def mounted() -> ConsentMiddleware:
    return middleware()


@cache
def with_albums() -> ConsentMiddleware:
    return middleware(location={"photo_paths": ["/albums/places"]})


def upload(mounted: ConsentMiddleware, kind: str, body: bytes, *, granted: bool = False, **more: Any) -> Exchange:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *BROWSER]
    if granted:
        headers.append((b"cookie", grant(mounted, geolocation=True)))
    pieces = [body[at : at + 4096] for at in range(0, len(body), 4096)]
    return exchange(mounted, method="POST", headers=headers, pieces=pieces, **more)


def form(*parts: tuple[str, bytes]) -> bytes:
    """Parts with a file name are files."""
    head = b"--XX\r\nContent-Disposition: form-data; "
    return b"".join(head + name.encode() + b"\r\n\r\n" + value + b"\r\n" for name, value in parts) + b"--XX--\r\n"


FILE = 'name="photo"; filename="p.jpg"'
MULTIPART = "multipart/form-data; boundary=XX"


@pytest.mark.parametrize("granted", [False, True])
@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream", ""])
def test_a_raw_photo_loses_its_place_by_default(kind: str, granted: bool, mounted: ConsentMiddleware) -> None:
    seen = upload(mounted, kind, PHOTO, granted=granted)
    assert places(PHOTO)
    assert places(seen.body) == {}
    assert len(seen.body) == len(PHOTO)
    assert seen.answered(b"consent-removed") == [b"Exif%20GPS"]


@pytest.mark.parametrize("granted", [False, True])
def test_a_photo_in_a_form_loses_its_place_by_default(granted: bool, mounted: ConsentMiddleware) -> None:
    body = form(('name="title"', b"a tree"), (FILE, PHOTO), ('name="after"', b"x"))
    seen = upload(mounted, MULTIPART, body, granted=granted)
    assert len(seen.body) == len(body)
    start = body.index(PHOTO)
    assert places(seen.body[start : start + len(PHOTO)]) == {}
    assert seen.body[:start] == body[:start]
    assert seen.body[start + len(PHOTO) :] == body[start + len(PHOTO) :]
    assert seen.answered(b"consent-removed") == [b"photo:%20Exif%20GPS"]


@pytest.mark.parametrize("granted", [False, True])
def test_a_photo_as_text_in_json_loses_its_place(granted: bool, mounted: ConsentMiddleware) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(PHOTO).decode()
    body = json.dumps({"avatar": url, "raw": base64.b64encode(PHOTO).decode()}).encode()
    seen = json.loads(upload(mounted, "application/json", body, granted=granted).body)
    assert places(base64.b64decode(seen["avatar"].partition(",")[2])) == {}
    assert places(base64.b64decode(seen["raw"])) == {}


@pytest.mark.parametrize("setting", ["reject", "pass"])
def test_a_broken_photo_as_text_goes_or_passes_as_configured(setting: str) -> None:
    text = base64.b64encode(PHOTO[:110]).decode()
    body = json.dumps({"avatar": text, "name": "x"}).encode()
    seen = upload(middleware(location={"broken_media": setting}), "application/json", body)
    assert json.loads(seen.body) == {"avatar": "" if setting == "reject" else text, "name": "x"}


def test_a_long_photo_streams_with_its_length(mounted: ConsentMiddleware) -> None:
    large = photo(2048)
    assert len(large) > 1024 * 1024
    seen = upload(mounted, "image/jpeg", large)
    assert len(seen.body) == len(large)
    assert places(seen.body) == {}


@pytest.mark.parametrize(
    "more", [{"path": "/albums/places/new"}, {"query_string": b"keep_photo_location=1"}], ids=["route", "upload"]
)
@pytest.mark.parametrize("granted", [False, True])
def test_a_photo_keeps_its_place_by_route_or_by_upload_and_only_once_granted(
    more: dict[str, Any], granted: bool
) -> None:
    mounted = with_albums()
    for kind, body in (("image/jpeg", PHOTO), (MULTIPART, form((FILE, PHOTO)))):
        assert (upload(mounted, kind, body, granted=granted, **more).body == body) is granted


@pytest.mark.parametrize(("word", "keeps"), [(b"on", True), (b"1", True), (b"no", False), (b"0", False), (b"", False)])
@pytest.mark.parametrize("granted", [False, True])
def test_a_field_before_the_photo_keeps_its_place(
    word: bytes, keeps: bool, granted: bool, mounted: ConsentMiddleware
) -> None:
    body = form(('name="keep_photo_location"', word), (FILE, PHOTO))
    assert (upload(mounted, MULTIPART, body, granted=granted).body == body) is (granted and keeps)


def test_the_field_has_the_configured_name() -> None:
    mounted = middleware(location={"photo_field": "with_place"})
    body = form(('name="with_place"', b"1"), (FILE, PHOTO))
    assert upload(mounted, MULTIPART, body, granted=True).body == body
    other = form(('name="keep_photo_location"', b"1"), (FILE, PHOTO))
    assert upload(mounted, MULTIPART, other, granted=True).body != other


@pytest.mark.parametrize("large", [False, True], ids=["held", "streamed"])
@pytest.mark.parametrize("kind", ["raw", "multipart"])
def test_a_photo_too_broken_to_be_cleared_is_refused(kind: str, large: bool, mounted: ConsentMiddleware) -> None:
    rest = b"x" * (2 * 1024 * 1024 if large else 10)
    parts = [('name="note"', rest), (FILE, BROKEN)]
    body = form(*parts) if kind == "multipart" else (BROKEN if not large else broken_tiff(len(rest)))
    seen = upload(mounted, MULTIPART if kind == "multipart" else "image/jpeg", body)
    assert seen.status == 422
    assert seen.answered(b"content-type") == [b"application/problem+json"]
    answer = json.loads(b"".join(message.get("body", b"") for message in seen.sent[1:]))
    assert answer["title"] == "Unreadable photo"
    assert not large or seen.received[-1] == {"type": "http.disconnect"}


def broken_tiff(length: int) -> bytes:
    """A directory that says it is somewhere, in a file that ends before."""
    return b"\x89PNG\r\n\x1a\n" + bytes([0, 64, 0, 0]) + b"eXIf" + b"x" * length


@pytest.mark.parametrize("kind", ["image/jpeg", MULTIPART])
def test_a_photo_too_broken_to_be_cleared_passes_where_configured(kind: str) -> None:
    mounted = middleware(location={"broken_media": "pass"})
    body = BROKEN if kind == "image/jpeg" else form((FILE, BROKEN))
    seen = upload(mounted, kind, body)
    assert (seen.status, seen.body) == (200, body)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7 nothing", b"PK\3\4", b"GIF", b"\xff\xd8", b"just text"])
def test_what_is_no_photo_passes_whatever_its_name(data: bytes, mounted: ConsentMiddleware) -> None:
    body = form((FILE, data))
    assert upload(mounted, MULTIPART, body).body == body
    assert upload(mounted, "image/jpeg", data or b"x").body == (data or b"x")


def test_an_app_that_had_answered_already_is_not_interrupted() -> None:
    """A photo that breaks off after the answer began: the answer stands, the upload ends."""
    mounted = middleware()
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b"done"})

    body = broken_tiff(2 * 1024 * 1024)
    queue = [
        {"type": "http.request", "body": body[at : at + 65536], "more_body": True} for at in range(0, len(body), 65536)
    ]
    queue.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return queue.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    mounted.app = app
    headers = [(b"host", b"x"), (b"content-type", b"image/png"), *BROWSER, (b"transfer-encoding", b"chunked")]
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "scheme": "https", "http_version": "1.1",
        "headers": headers,
    }  # fmt: skip
    asyncio.run(mounted(scope, receive, send))
    assert [message.get("status", message.get("body")) for message in sent] == [200, b"done"]

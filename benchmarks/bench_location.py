"""What location costs: added to a request without a body, megabytes per second of JSON, forms and photos.

Baselines in the same run: the same middleware with the feature switched off, ``json.loads``, exiftool, and Pillow
decoding and encoding anew.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD
from pillow_heif import register_heif_opener

from benchmarks.bench_request import SECRET, bare, consent_cookie, headers_with
from benchmarks.measure import added, interleaved, table
from consent_mw import ConsentMiddleware
from consent_mw.enforce.location.form import scrub_form
from consent_mw.enforce.location.json_text import scrub_json
from consent_mw.enforce.location.multipart import MultipartScrubber
from consent_mw.enforce.location.rules import LocationRules
from consent_mw.enforce.photos.media import MediaScrubber

REQUESTS, ROUNDS, PHOTO_ROUNDS, COPIES, PIECE = 4000, 21, 3, 6, 64 * 1024
PROXY = [(b"x-forwarded-for", b"203.0.113.77, 10.0.0.1"), (b"x-real-ip", b"203.0.113.77"), (b"cf-ipcountry", b"DE")]


def requests(app: Any, headers: list[tuple[bytes, bytes]], query: bytes = b"") -> Callable[[], float]:
    """Microseconds per request of one batch."""

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    async def batch() -> float:
        started = time.process_time()
        for _ in range(REQUESTS):
            scope = {
                "type": "http", "method": "GET", "path": "/api", "raw_path": b"/api", "scheme": "https",
                "query_string": query, "root_path": "", "headers": headers, "state": {}, "http_version": "1.1",
                "client": ("203.0.113.77", 5000),
            }  # fmt: skip
            await app(scope, receive, send)
        return (time.process_time() - started) / REQUESTS * 1e6

    return lambda: asyncio.run(batch())


def bench_head() -> None:
    on = ConsentMiddleware(bare, secret_key=SECRET, ledger=None)
    off = ConsentMiddleware(bare, secret_key=SECRET, ledger=None, config={"location": {"exempt_paths": ["/"]}})
    headers = headers_with(consent_cookie(on))
    rows = []
    for name, sent, query in (
        ("denied, no body", headers, b""),
        ("the same with a query", headers, b"page=2&q=coffee&sort=new"),
        ("the same behind a proxy, three headers cut or removed", [*headers, *PROXY], b""),
    ):
        figures = interleaved({"off": requests(off, sent, query), "on": requests(on, sent, query)}, ROUNDS)
        budget = "budget 2" if not rows else ""
        rows.append((name, f"{added(figures, 'off')['on']:.2f} µs", budget))
    table("Added by location to a request, beside the same middleware without it", rows)


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": n, "name": f"User {n}", "email": f"u{n}@example.org", "tags": ["a", "bb", "ccc"], "score": n / 7,
            "active": True, "address": f"Main Street {n}", "path": f"/users/{n}",
            "bio": "Lorem ipsum dolor sit amet " * 3,
            "items": [{"sku": f"x{k}", "quantity": k, "price": 9.99} for k in range(3)],
        }
        for n in range(count)
    ]  # fmt: skip


def speed(work: Callable[[], object], size: int) -> Callable[[], float]:
    """Megabytes per second of one run."""

    def run() -> float:
        started = time.process_time()
        work()
        return size / (time.process_time() - started) / 1e6

    return run


def best(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    return {name: max(values) for name, values in interleaved(contenders, rounds).items()}


def bench_bodies() -> None:
    rules = LocationRules()
    plain = json.dumps(records(3000)).encode()
    spaced = json.dumps(records(3000), indent=2, ensure_ascii=False).encode()
    text = json.dumps({"text": "A point of view about maps, and prose. " * 30_000}).encode()
    placed = json.dumps([{**record, "lat": 39.9042, "lng": 116.4074} for record in records(3000)]).encode()
    form = b"&".join(b"field%d=some+value+of+a+form+%d" % (n % 300, n) for n in range(30_000))
    figures = best(
        {
            "json.loads": speed(lambda: json.loads(plain), len(plain)),
            "JSON, nothing to scrub": speed(lambda: scrub_json(plain, rules), len(plain)),
            "JSON with indent, nothing to scrub": speed(lambda: scrub_json(spaced, rules), len(spaced)),
            "JSON of prose, nothing to scrub": speed(lambda: scrub_json(text, rules), len(text)),
            "JSON, two places in each record": speed(lambda: scrub_json(placed, rules), len(placed)),
            "form, nothing to scrub": speed(lambda: scrub_form(form, rules), len(form)),
        },
        9,
    )
    budgets = {name: "budget 100" for name in figures if name.startswith("JSON") and "nothing" in name}
    table("Bodies, MB/s", [(name, f"{value:.0f} MB/s", budgets.get(name, "")) for name, value in figures.items()])


def picture(kind: str) -> bytes:
    """About twelve megapixels with a GPS directory, as a phone takes them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (39.0, 54.0, 15.0), 3: "E", 4: (116.0, 24.0, 26.0)})
    noise = Image.effect_noise((1000, 750), 60).resize((4000, 3000)).convert("RGB")
    out = io.BytesIO()
    noise.save(out, kind, exif=exif, **({"compress_level": 1} if kind == "PNG" else {}))
    return out.getvalue()


def scrubbed(data: bytes) -> None:
    scrubber = MediaScrubber()
    for at in range(0, len(data), PIECE):
        scrubber.feed(data[at : at + PIECE])
    scrubber.close()
    assert scrubber.removed


def uploaded(data: bytes) -> None:
    scrubber = MultipartScrubber(b"XX", LocationRules())
    body = b'--XX\r\nContent-Disposition: form-data; name="p"; filename="p"\r\n\r\n' + data + b"\r\n--XX--\r\n"
    for at in range(0, len(body), PIECE):
        scrubber.feed(body[at : at + PIECE])
    scrubber.close()
    assert scrubber.removed


def reencoded(data: bytes, kind: str) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.save(io.BytesIO(), kind)


def by_exiftool(data: bytes, suffix: str) -> Callable[[], float]:
    """One process for several copies, so that its start is paid once. Its own time, not ours."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(COPIES):
                Path(folder, f"{number}.{suffix}").write_bytes(data)
            started = time.perf_counter()
            command = ["exiftool", "-q", "-overwrite_original", "-gps:all=", "-xmp:all=", folder]
            subprocess.run(command, check=True, capture_output=True)
            return COPIES * len(data) / (time.perf_counter() - started) / 1e6

    return run


def bench_photos() -> None:
    register_heif_opener()
    rows = []
    for kind, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("HEIF", "heic")):
        data = picture(kind)
        contenders = {
            f"{kind} of {len(data) / 1e6:.1f} MB": speed(lambda data=data: scrubbed(data), len(data)),
            "  in a form": speed(lambda data=data: uploaded(data), len(data)),
            "  Pillow, decoded and encoded anew": speed(lambda data=data, kind=kind: reencoded(data, kind), len(data)),
        }
        if shutil.which("exiftool") is not None:
            contenders["  exiftool"] = by_exiftool(data, suffix)
        rows += [(name, f"{value:.0f} MB/s", "") for name, value in best(contenders, PHOTO_ROUNDS).items()]
    table("Photos without their place, MB/s", rows)


def main() -> None:
    bench_head()
    bench_bodies()
    bench_photos()


if __name__ == "__main__":
    main()

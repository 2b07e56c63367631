"""Multipart bodies as browsers and others write them: fields that say where go, all else passes byte for byte."""

from __future__ import annotations

import pytest

from consent_mw.enforce.location import multipart
from consent_mw.enforce.location.multipart import MultipartScrubber, boundary_of
from consent_mw.enforce.location.rules import LocationRules

RULES = LocationRules()


def part(disposition: str, value: str = "39.9042", more: str = "") -> bytes:
    return f"--XX\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n{value}\r\n".encode()


END = b"--XX--\r\n"
KEPT = part('name="note"', "hello")


def scrubbed(body: bytes, size: int = 10_000) -> bytes:
    scrubber = MultipartScrubber(b"XX", RULES)
    pieces = [scrubber.feed(body[at : at + size]) for at in range(0, len(body), size)]
    return b"".join([*pieces, scrubber.close()])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'multipart/form-data; boundary="a b:c"', b"a b:c"),
        (b"multipart/form-data;boundary=abc;charset=utf-8", b"abc"),
        (b"Multipart/Form-Data; charset=x; BOUNDARY=abc", b"abc"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
        (b"multipart/form-data; boundary=" + b"x" * 71, None),
        (b"multipart/form-data; boundary=", None),
        (b"multipart/form-data", None),
        (b"", None),
    ],
)
def test_the_boundary_is_read_from_the_header(content_type: bytes, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


PLACES = [
    part('name="lat"'),
    part("name=lat"),
    part('name="geo[lat]"'),
    part("name*=UTF-8''l%61t"),
    part('name="lat"', "39.9042", "Content-Type: text/plain; charset=utf-8\r\n"),
    b'--XX\r\ncontent-disposition:form-data;name="lat"\r\n\r\n39.9042\r\n',
    b'--XX\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="lat"\r\n\r\n39.9042\r\n',
]


@pytest.mark.parametrize("size", [1, 5, 10_000])
@pytest.mark.parametrize("place", PLACES)
def test_a_field_that_says_where_goes_with_its_headers(place: bytes, size: int) -> None:
    assert scrubbed(KEPT + place + KEPT + END, size) == KEPT + KEPT + END
    assert scrubbed(place + END, size) == END
    assert scrubbed(b"a preamble\r\n" + place + END + b"an epilogue", size) == b"a preamble\r\n" + END + b"an epilogue"


@pytest.mark.parametrize(
    "kept",
    [
        part('name="latency"', "12.5"),
        part('name="lat"', ""),
        part('name="lat"', "unknown"),
        part('name="file"; filename="lat.txt"', "lat=39.9042"),
        part('name="lat"; filename="notes.txt"', "39.9042"),
        part('name="a\\"lat"', "x"),
        part("name", "39.9042"),
        b"--XX\r\nX-Lat: 39.9042\r\n\r\nno disposition\r\n",
        b"--XX\r\nno headers at all",
        b"--XXY\r\n\r\nx\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_everything_else_passes_byte_for_byte(kept: bytes, size: int) -> None:
    assert scrubbed(kept + KEPT + END, size) == kept + KEPT + END


def test_a_coordinate_may_become_coarse_instead() -> None:
    scrubber = MultipartScrubber(b"XX", LocationRules(precise="coarsen"))
    assert scrubber.feed(part('name="lat"') + END) + scrubber.close() == part('name="lat"', "39.9") + END


def test_a_field_too_long_to_be_judged_goes_only_if_its_name_promises_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAX_FIELD", 100)
    note, place = part('name="note"', "x" * 500), part('name="coordinates"', "1.5," * 200)
    assert scrubbed(note + place + KEPT + END, 50) == note + KEPT + END


def test_part_headers_over_the_limit_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAX_PART_HEADER", 200)
    body = KEPT + part('name="lat"', "39.9042", f"X-Long: {'x' * 500}\r\n") + part('name="lng"', "1.5") + END
    assert scrubbed(body, 50) == body


def test_many_small_pieces_are_not_searched_again_and_again() -> None:
    body = part('name="note"', "-" * 200_000) + END
    assert scrubbed(body, 1) == body

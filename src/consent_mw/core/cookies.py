"""The cookie grammar, on bytes (RFC 6265bis sections 4.2 and 5.6).

Why not a library parser: those decode and strip Unicode white space, so that ``\\xa0__Host-consent`` from a sibling
subdomain becomes ``__Host-consent``; and unquoting is quadratic in some Python versions. Here a header is split once,
only SP and HTAB are trimmed, names are compared byte for byte, nothing is unquoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_COOKIE_HEADER_BYTES = 16 * 1024
"""More than this in all Cookie headers of a request together, and no state is read from it."""

DOUBTFUL = b""
"""Stands for a state that somebody sent and that is not believed. No token is empty."""

_BLANK = b" \t"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_ATTRIBUTE_BYTES = 1024

# RFC 6265bis section 5.6.1. No other parser reads as browsers do, and one that finds a date past which a browser
# finds to come would wave a cookie through as its own deletion.
_DATE_TOKEN = re.compile(rb"[^\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(rb"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)")
_DAY = re.compile(rb"(\d{1,2})(?!\d)")
_MONTH = re.compile(rb"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._-]+")
_YEAR = re.compile(rb"(\d{2,4})(?!\d)")
_MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"


def segments(header: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, segment as sent) for each cookie of a Cookie header. A segment without ``=`` has an empty name."""
    for segment in header.split(b";"):
        name, equals, _ = segment.partition(b"=")
        yield (name.strip(_BLANK) if equals else b""), segment


def lenient(name: bytes) -> str:
    """The name as a careless reader would see it, after decoding and stripping white space of any kind."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return text.strip()


def _readings(name: bytes) -> set[str]:
    return {lenient(name), name.decode("latin-1").strip()}


def read_own(cookie_headers: list[bytes], name: bytes) -> bytes | None:
    """The value of our cookie; None when there is none.

    :data:`DOUBTFUL` when it is repeated, shadowed by a look-alike, or the header is huge. A look-alike is any other
    name that a careless reader would take for ours: its mere presence means that somebody tries to plant a value, so
    nothing in this request is believed.
    """
    if sum(map(len, cookie_headers)) > MAX_COOKIE_HEADER_BYTES:
        return DOUBTFUL
    found: bytes | None = None
    text = name.decode("ascii")
    for header in cookie_headers:
        if name not in header:
            continue
        for candidate, segment in segments(header):
            if candidate == name:
                if found is not None:
                    return DOUBTFUL
                found = segment.partition(b"=")[2].strip(_BLANK)
            elif text in _readings(candidate):
                return DOUBTFUL
    return found


@dataclass(frozen=True, slots=True)
class SetCookie:
    """A Set-Cookie header value, cut at its semicolons; every part keeps its bytes."""

    parts: tuple[bytes, ...]

    @classmethod
    def parse(cls, value: bytes) -> SetCookie:
        return cls(tuple(value.split(b";")))

    @property
    def name(self) -> bytes:
        name, equals, _ = self.parts[0].partition(b"=")
        return name.strip(_BLANK) if equals else b""

    def is_deletion(self, now: float) -> bool:
        """True when it only takes a cookie away: ``Max-Age`` of zero or less, else an ``Expires`` that has passed.

        A valid ``Max-Age`` wins over ``Expires``, and the last valid one of each counts (RFC 6265bis section 5.6).
        """
        if any(map(_CONTROL.search, self.parts)):
            return False  # browsers differ: refused by most, cut short by some
        ages = [value for value in self._values(b"max-age") if value.removeprefix(b"-").isdigit()]
        if ages:
            return ages[-1].startswith(b"-") or ages[-1].strip(b"0") == b""
        dates = [date for date in map(_date, self._values(b"expires")) if date is not None]
        return bool(dates) and dates[-1] <= now

    def session_only(self) -> bytes:
        """The same cookie without a lifetime, every other byte kept."""
        kept = [part for part in self.parts[1:] if _attribute(part)[0] not in (b"max-age", b"expires")]
        return b";".join((self.parts[0], *kept))

    def _values(self, name: bytes) -> list[bytes]:
        pairs = map(_attribute, self.parts[1:])
        return [value for key, value in pairs if key == name and len(value) <= _MAX_ATTRIBUTE_BYTES]


def _attribute(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.partition(b"=")
    return name.strip(_BLANK).lower(), value.strip(_BLANK)


def _date(value: bytes) -> float | None:
    """Epoch seconds of an ``Expires`` value, zones and week days ignored as browsers do; None when it is no date."""
    found: dict[re.Pattern[bytes], re.Match[bytes]] = {}
    for token in _DATE_TOKEN.findall(value):
        for part in (_TIME, _DAY, _MONTH, _YEAR):
            if part not in found and (match := part.match(token)) is not None:
                found[part] = match
                break
    if len(found) < 4:
        return None
    year = int(found[_YEAR][1])
    year += 0 if year > 99 else 1900 if year >= 70 else 2000
    month = _MONTHS.index(found[_MONTH][1].lower()) // 3 + 1
    hour, minute, second = map(int, found[_TIME].groups())
    try:
        moment = datetime(year, month, int(found[_DAY][1]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() if year >= 1601 else None


def is_writable_name(name: bytes) -> bool:
    """Whether a name may stand in a header of ours: it is there, and holds no control character."""
    return name != b"" and _CONTROL.search(name) is None


def expiry_headers(name: bytes, host: str, paths: tuple[str, ...], *, secure: bool) -> list[bytes]:
    """Set-Cookie values that take a cookie out of the jar, whichever domain and path it was set for.

    A deletion must match name, domain and path exactly, and the browser does not tell them: so one header for the
    host itself and one for each parent domain (the browser refuses public suffixes by itself), times the paths.
    """
    prefix = name.lower()
    host_only = prefix.startswith(b"__host-")
    domains: list[str] = [""] if host_only else ["", *_domains(host)]
    tail = "; Max-Age=0"
    if secure or prefix.startswith((b"__host-", b"__secure-", b"__http-")):
        tail += "; Secure"
    if prefix.startswith((b"__http-", b"__host-http-")):
        tail += "; HttpOnly"
    return [
        name + f"=; Path={path}{f'; Domain={domain}' if domain else ''}{tail}".encode("latin-1", "replace")
        for domain in domains
        for path in (("/",) if host_only else paths)
    ]


def _domains(host: str) -> list[str]:
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not _HOST.fullmatch(host):
        return []  # a single label or an IP address has no parent domain
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]

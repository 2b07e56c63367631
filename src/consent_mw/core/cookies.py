"""The cookie grammar, on bytes (RFC 6265bis sections 4.2 and 5.6).

Why not a library parser: those decode and strip Unicode white space, so that ``\\xa0__Host-consent`` from a sibling
subdomain becomes ``__Host-consent``; and unquoting is quadratic in some Python versions. Here a header is split once,
only SP and HTAB are trimmed, names are compared byte for byte, nothing is unquoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

MAX_COOKIE_HEADER_BYTES = 16 * 1024
"""More than this in all Cookie headers of a request together, and no state is read from it."""

_BLANK = b" \t"


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
    """The value of our cookie, or None when it is absent, repeated, shadowed by a look-alike, or the header is huge.

    A look-alike is any other name that a careless reader would take for ours: its mere presence means that somebody
    tries to plant a value, so nothing in this request is believed.
    """
    if sum(map(len, cookie_headers)) > MAX_COOKIE_HEADER_BYTES:
        return None
    found: bytes | None = None
    text = name.decode("ascii")
    for header in cookie_headers:
        if name not in header:
            continue
        for candidate, segment in segments(header):
            if candidate == name:
                if found is not None:
                    return None
                found = segment.partition(b"=")[2].strip(_BLANK)
            elif text in _readings(candidate):
                return None
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
        return [value for key, value in map(_attribute, self.parts[1:]) if key == name]


def _attribute(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.partition(b"=")
    return name.strip(_BLANK).lower(), value.strip(_BLANK)


def _date(value: bytes) -> float | None:
    """Epoch seconds of an ``Expires`` value; None when it is no date."""
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def demands_secure(name: str) -> bool:
    """Whether the name carries a prefix that demands ``Secure`` (``__Host-``, ``__Secure-``, ``__Http-``)."""
    return name.lower().startswith(("__host-", "__secure-", "__http-"))


def expiry_headers(name: str, host: str, paths: tuple[str, ...], *, secure: bool) -> list[bytes]:
    """Set-Cookie values that take a cookie out of the jar, whichever domain and path it was set for.

    A deletion must match name, domain and path exactly, and the browser does not tell them: so one header for the
    host itself and one for each parent domain (the browser refuses public suffixes by itself), times the paths.
    """
    host_only = name.lower().startswith(("__host-", "__host-http-"))
    domains: list[str] = [""] if host_only else ["", *_domains(host)]
    needs_secure = secure or demands_secure(name)
    tail = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT" + ("; Secure" if needs_secure else "")
    return [
        f"{name}=; Path={path}{f'; Domain={domain}' if domain else ''}{tail}".encode("latin-1")
        for domain in domains
        for path in (("/",) if host_only else paths)
    ]


def _domains(host: str) -> list[str]:
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host:
        return []  # a single label or an IP address has no parent domain
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]

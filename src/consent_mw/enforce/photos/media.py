"""Photos and videos without places: which walker reads a file, and the two ways to call it.

No pixel is ever decoded and nothing is encoded anew. What is no media container comes out as it went in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consent_mw.enforce.photos.base import SNIFFED, BrokenMedia, Notes, Source, Walk
from consent_mw.enforce.photos.bmff import is_bmff, walk_bmff
from consent_mw.enforce.photos.gif import is_gif, walk_gif
from consent_mw.enforce.photos.jpeg import is_jpeg, walk_jpeg
from consent_mw.enforce.photos.png import SIGNATURE, walk_png
from consent_mw.enforce.photos.riff import is_webp, walk_webp
from consent_mw.enforce.photos.svg import is_svg, walk_svg
from consent_mw.enforce.photos.tiff import is_tiff, walk_tiff
from consent_mw.enforce.photos.trailer import walk_trailer

Walker = Callable[[Source, Notes], Walk]

_WALKERS: tuple[tuple[Callable[[bytes], bool], Walker], ...] = (
    (is_jpeg, walk_jpeg),
    (lambda head: head.startswith(SIGNATURE), walk_png),
    (is_webp, walk_webp),
    (is_bmff, walk_bmff),
    (is_tiff, walk_tiff),
    (is_gif, walk_gif),
    (is_svg, walk_svg),
)

_STATES_ITS_END = frozenset({walk_jpeg, walk_png, walk_webp, walk_gif})
"""Formats that say where the picture ends; what comes after is looked at apart."""


def walker_for(head: bytes) -> Walker | None:
    """The walker for a file that begins like this; told by its bytes, never by its name or declared type."""
    return next((walker for begins, walker in _WALKERS if begins(head)), None)


@dataclass(frozen=True, slots=True)
class Result:
    """A file without places.

    :ivar data: the very same object when nothing was removed
    :ivar removed: names of the metadata that was removed, never its values
    :ivar broken: why the container could not be cleared, or ``None``; ``data`` may then still hold a place
    """

    data: bytes
    removed: tuple[str, ...] = ()
    broken: str | None = None


class MediaScrubber:
    """Clears one file that comes in pieces. Never raises; any way of cutting the file gives the same output.

    After each call look at :attr:`broken`: when set, the rest of the file passes as it came, and the caller decides
    whether to reject the upload. It can be set after part of the file was handed on.
    """

    filler = b"\0"

    def __init__(self) -> None:
        self.broken: str | None = None
        self._source = Source()
        self._notes = Notes(walker_for)
        self._walk: Walk | None = self._begin()

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(self._notes.removed)

    def feed(self, data: bytes) -> bytes:
        """Take the next piece of the file, give what is ready."""
        if self._walk is None:
            return data
        self._source.buffer += data
        self._notes.allow(len(data))
        return self._advance()

    def close(self) -> bytes:
        """Say that the file is complete, and take the last of it."""
        self._source.ended = True
        return self._advance() if self._walk is not None else b""

    def _begin(self) -> Walk:
        yield from self._source.has(SNIFFED)
        walker = walker_for(bytes(self._source.buffer[:SNIFFED]))
        if walker is not None:
            yield from walker(self._source, self._notes)
        if walker in _STATES_ITS_END:
            yield from walk_trailer(self._source, self._notes)

    def _advance(self) -> bytes:
        source = self._source
        try:
            next(self._walk)  # type: ignore[arg-type]
        except StopIteration:
            self._pass_on()
        except BrokenMedia as error:
            self.broken = str(error)
            self._pass_on()
        except (IndexError, ValueError, OverflowError, RecursionError) as error:
            # A length that no walker thought of. The file is at fault, and is told so, not the request.
            self.broken = f"unreadable ({type(error).__name__})"
            self._pass_on()
        ready = b"".join(source.out)
        source.out.clear()
        return ready

    def _pass_on(self) -> None:
        self._walk = None
        if self._source.buffer:
            self._source.put(self._source.buffer, len(self._source.buffer))


def scrub(data: bytes) -> Result:
    """Clear a whole file.

    >>> scrub(b"no picture").removed
    ()
    """
    scrubber = MediaScrubber()
    result = scrubber.feed(data) + scrubber.close()
    if not scrubber.removed:
        return Result(data, broken=scrubber.broken)
    return Result(result, scrubber.removed, scrubber.broken)

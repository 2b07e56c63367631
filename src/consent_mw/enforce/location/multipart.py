"""``multipart/form-data`` bodies (RFC 7578) without places, as they stream by.

Fields that say where are taken out, photos go through the walker of their format, everything else passes byte for
byte. Nothing depends on how the body is cut into pieces. What is not well-formed passes as it came: the app's own
parser is the judge of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from consent_mw.enforce.location.json_text import scrub_json, scrub_string
from consent_mw.enforce.location.rules import UNNAMED, LocationRules
from consent_mw.enforce.photos.media import MediaScrubber

MAX_PART_HEADER = 16 * 1024
"""Bytes of one part's headers. A part with longer ones passes unread, like a body without parts."""
MAX_FIELD = 1024 * 1024
"""Bytes of one field's value that are held to be judged. A longer one passes, or goes if its name promises a place."""
NO = frozenset({"", "0", "false", "no", "off"})
"""Values of a field that mean no."""
MAX_BOUNDARY = 70  # RFC 2046 section 5.1.1

_BOUNDARY = re.compile(rb'(?i);\s*boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))')
_NAME = re.compile(rb'(?i)[;\s]name(?:=(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]++))|\*=[\w\-]*\'[^\']*\'([^\s;]++))')
_FILE_NAME = re.compile(rb'(?i)[;\s]filename\*?=(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]*+))')
_DISPOSITION = re.compile(rb"(?im)^content-disposition:([^\r\n]*)")
_CONTENT_TYPE = re.compile(rb"(?im)^content-type:[ \t]*([^\s;]*)")


def boundary_of(content_type: bytes) -> bytes | None:
    """The boundary that a ``Content-Type`` names; ``None`` for none, or one that RFC 2046 does not allow."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        return None
    boundary = match[1] or match[2]
    return boundary if len(boundary) <= MAX_BOUNDARY else None


class MultipartScrubber:
    """Clears one body that comes in pieces. Never raises.

    :param boundary: as the ``Content-Type`` header names it, see :func:`boundary_of`
    :param rules: what counts as a place
    :param fields: whether fields are judged; off where geolocation is granted and only photos are cleared
    :param photo_field: a field by which the parts behind it keep the places in their photos; empty for none
    """

    filler = b"\r\n"

    def __init__(
        self,
        boundary: bytes,
        rules: LocationRules,
        *,
        fields: bool = True,
        photo_field: str = "",
    ) -> None:
        self.broken: str | None = None
        """Why a file part could not be cleared; it then passed as it came, see :class:`MediaScrubber`."""
        self._rules = rules if fields else rules.photos_only
        self._fields = fields
        self._photos = True
        self._photo_field = photo_field
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter may stand at the very beginning, without the line end before it.
        self._buffer = bytearray(b"\r\n")
        self._borrowed = 2
        self._searched = 0
        self._out: list[bytes] = []
        self._removed: dict[str, None] = {}
        self._step: Callable[[], bool] = self._in_preamble
        self._prefix = b""
        self._name = ""
        self._is_json = False
        self._photo: MediaScrubber | None = None
        self._ended = False

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(self._removed)

    def feed(self, data: bytes) -> bytes:
        """Take the next piece of the body, give what is ready."""
        self._buffer += data
        return self._run()

    def close(self) -> bytes:
        """Say that the body is complete, and take the last of it."""
        self._ended = True
        return self._run()

    def _run(self) -> bytes:
        while self._step():
            pass
        ready = b"".join(self._out)
        self._out.clear()
        if self._borrowed and ready:
            ready, self._borrowed = ready[self._borrowed :], 0
        return ready

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._searched = max(0, self._searched - count)
        return taken

    def _pass_all(self) -> bool:
        if self._buffer:
            self._out.append(self._take(len(self._buffer)))
        return False

    def _until_delimiter(self) -> tuple[int, bool]:
        """How many bytes surely stand before the next delimiter, and whether it is there."""
        found = self._buffer.find(self._delimiter, self._searched)
        if found >= 0:
            return found, True
        # What was searched is not searched again, or many small pieces would cost their square.
        self._searched = max(0, len(self._buffer) - len(self._delimiter) + 1)
        return (len(self._buffer) if self._ended else max(0, len(self._buffer) - len(self._delimiter) + 1)), False

    def _in_preamble(self) -> bool:
        count, found = self._until_delimiter()
        if self._borrowed and not found and not self._ended:
            count = max(0, count - 2)  # keep what was borrowed until there is something to take it from
            if count < 2:
                return False
        self._out.append(self._take(count))
        if found:
            self._step = self._at_delimiter
        return found

    def _at_delimiter(self) -> bool:
        """The delimiter line and the part's headers are held until the part is judged."""
        start = len(self._delimiter)
        if self._buffer[start : start + 2] == b"--":
            self._step = self._pass_all
            return True
        end = self._buffer.find(b"\r\n\r\n", start)
        if 0 <= end <= MAX_PART_HEADER:
            self._prefix = self._take(end + 4)
            self._begin_part(self._prefix[start:])
            return True
        if len(self._buffer) > MAX_PART_HEADER or self._ended:
            self._step = self._pass_all
            return True
        return False

    def _begin_part(self, header: bytes) -> None:
        disposition = _DISPOSITION.search(header)
        line = disposition[1] if disposition is not None else b""
        content_type = _CONTENT_TYPE.search(header)
        kind = content_type[1].lower() if content_type is not None else b""
        file_name = _FILE_NAME.search(line)
        self._name = _part_name(line)
        self._is_json = kind == b"application/json"
        # Browsers send a Blob as a file named "blob": a page's JSON, not a document of the visitor's.
        if file_name is not None and not (self._is_json and (file_name[1] or file_name[2]) == b"blob"):
            self._out.append(self._prefix)
            self._photo = MediaScrubber() if self._photos else None
            self._step = self._in_file
        else:
            self._step = self._in_field

    def _in_file(self) -> bool:
        count, found = self._until_delimiter()
        data = self._take(count)
        if self._photo is None:
            self._out.append(data)
        else:
            self._out.append(self._photo.feed(data))
            if found or self._ended:
                self._end_photo(self._photo)
        if found:
            self._step = self._at_delimiter
        return found

    def _end_photo(self, photo: MediaScrubber) -> None:
        self._out.append(photo.close())
        self._photo = None
        if self.broken is None:
            self.broken = photo.broken
        self._removed.update((f"{self._name}: {what}", None) for what in photo.removed)

    def _in_field(self) -> bool:
        count, found = self._until_delimiter()
        if count > MAX_FIELD:
            # Nobody can judge it; a name that promises a place is enough.
            if self._fields and self._rules.key_kinds[self._name.encode("utf-8", "replace")]:
                self._removed[self._name] = None
                self._step = self._in_dropped
            else:
                self._out.append(self._prefix)
                self._step = self._in_passed
            return True
        if not found and not self._ended:
            return False
        self._end_field(self._take(count))
        self._step = self._at_delimiter
        return found

    def _end_field(self, value: bytes) -> None:
        if self._photo_field and self._name == self._photo_field:
            self._photos = value.strip().lower().decode("latin-1") in NO
        kept, names = self._judge(value)
        self._removed.update(dict.fromkeys(name if name != UNNAMED else self._name for name in names))
        if kept is not None:
            self._out += (self._prefix, kept)

    def _judge(self, value: bytes) -> tuple[bytes | None, tuple[str, ...]]:
        if self._is_json:
            return scrub_json(value, self._rules)
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        kept, names = scrub_string(self._name, text, self._rules)
        if kept is None:
            return value, ()
        return (kept.encode("utf-8", "surrogatepass") if kept else None), names

    def _in_passed(self) -> bool:
        count, found = self._until_delimiter()
        self._out.append(self._take(count))
        if found:
            self._step = self._at_delimiter
        return found

    def _in_dropped(self) -> bool:
        count, found = self._until_delimiter()
        self._take(count)
        if found:
            self._step = self._at_delimiter
        return found


def _part_name(disposition: bytes) -> str:
    match = _NAME.search(disposition)
    if match is None:
        return ""
    if match[3] is not None:
        return unquote(match[3].decode("latin-1"))
    raw = re.sub(rb"\\(.)", rb"\1", match[1]) if match[1] is not None else match[2]
    # Browsers write a quote in a name as %22 (WHATWG HTML, multipart/form-data encoding).
    return raw.decode("utf-8", "replace").replace("%22", '"')

"""The first bytes of a page: with a doctype it is a whole page, without one it may be a part of one."""

from __future__ import annotations

import re

MAX_BYTES = 1024
"""In these a page says by its doctype that it is one."""

# What may stand in front of a doctype; the group is the doctype, and an opening that is not over matches too.
_DOCTYPE = re.compile(
    rb"(?:\xef\xbb\xbf|\xef\xbb?\Z)?[\t\n\f\r ]*"
    rb"(?:<!--.*?-->[\t\n\f\r ]*)*(?:(<!doctype)|(?:<(?:!(?:d[octype]*|-(?:-.*)?)?)?)?\Z)",
    re.IGNORECASE | re.DOTALL,
)


class Opening:
    """Collects what may hold a doctype.

    :ivar may_go_on: more bytes could still make a difference
    """

    def __init__(self) -> None:
        self._start = b""
        self.may_go_on = True

    def has_doctype(self, data: bytes) -> bool:
        self._start += data[: MAX_BYTES - len(self._start)]
        match = _DOCTYPE.match(self._start)
        has_doctype = match is not None and match[1] is not None
        self.may_go_on = not has_doctype and match is not None and len(self._start) < MAX_BYTES
        return has_doctype

"""Pictures and links of the usual form, told from anything that needs a closer look by one pattern.

Most tags of a page are such. What the pattern does not know for certain is no plain tag and goes the long way
(:meth:`~consent_mw.enforce.references.Judge.tag`), so a form left out here costs time and nothing else.
"""

from __future__ import annotations

import re

from consent_mw.core.urls import OWN, Target
from consent_mw.enforce.references import Judge

# No attribute that loads, runs or marks anything. In a value a character reference could hide an address.
_HARMLESS = (
    rb"(?:alt|class|decoding|fetchpriority|height|id|itemprop|lang|loading|rel|role|sizes|tabindex|target|title|width"
    rb"|aria-[a-z]+|data-(?!ca|co|name)[a-z-]+)"
)
_VALUE = rb'=(?:"[^"&]*+"|[\w.-]++)'
_BLANKS = rb"[ \n]++"
# Lower case, the last label no number, nothing that a URL parser would turn into something else.
_HOST = rb"(?:[a-z0-9-]++\.)*+[a-z]++"
_PATH = rb"/?+(?:[\w-][\w.-]*+/)*+(?:[\w-][\w.-]*+)?+"
_SOURCE = rb'(?:%ssrc="(?:https?://(%s)(?=/))?+(%s)(?:[?#][\w./=-]*+)?+")?+' % (_BLANKS, _HOST, _PATH)
_LINK = rb'(?:%shref="(?:https?:)?+[^":&\t\n\r]*+")?+' % _BLANKS
_OTHERS = rb"(?:%s%s(?:%s)?+)*+" % (_BLANKS, _HARMLESS, _VALUE)
_PLAIN = re.compile(rb"<(?:img%s%s%s|a%s%s%s)[ \n]*+/?>" % (_OTHERS, _SOURCE, _OTHERS, _OTHERS, _LINK, _OTHERS))


def is_plain(judge: Judge, raw: bytes) -> bool:
    """Whether a tag leads to no denied service and may stay as it is."""
    match = _PLAIN.fullmatch(raw)
    if match is None or judge.base is not OWN:
        return False
    host, path = match.groups()
    return path is None or judge.denied_at(Target((host or b"").decode(), path.decode())) is None

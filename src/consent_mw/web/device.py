"""A coarse device class for the record: enough to tell an auditor what was shown, too little to tell visitors apart."""

from __future__ import annotations

import asyncio
import logging
import re
from functools import lru_cache

logger = logging.getLogger("consent_mw")

MAX_USER_AGENT_LENGTH = 256
"""Longer ones are cut before parsing: the parser works with regular expressions."""
MAX_REMEMBERED = 4096

_known: dict[str, str] = {}

# Words by which crawlers and link previews name themselves; Cubot is a make of phones. A bot that is missed sees one
# banner too many; a visitor taken for a bot could not consent, so nothing here guesses.
_BOT = re.compile(
    r"(?<!cu)bot(?:\b|_)|crawler|spider|slurp|facebookexternalhit|facebookcatalog|mediapartners-google|whatsapp/"
    r"|embedly|skypeuripreview|vkshare|ia_archiver|google-inspectiontool|feedfetcher|bingpreview|bytespider",
    re.IGNORECASE,
)


@lru_cache(maxsize=MAX_REMEMBERED)
def is_bot(user_agent: bytes) -> bool:
    """Whether a crawler or link preview names itself: it can choose nothing, so it is shown no question.

    :param user_agent: of which a bounded part is read
    """
    return _BOT.search(user_agent[:MAX_USER_AGENT_LENGTH].decode("latin-1")) is not None


async def device_class(user_agent: str) -> str:
    """``phone``, ``tablet``, ``desktop``, ``bot`` or ``other``.

    Parsing costs half a millisecond, and a second the first time: it happens in a thread, once per browser version.
    """
    cut = user_agent[:MAX_USER_AGENT_LENGTH]
    known = _known.get(cut)
    if known is None:
        if len(_known) >= MAX_REMEMBERED:
            _known.clear()
        known = _known[cut] = await asyncio.to_thread(_device_class, cut)
    return known


def _device_class(user_agent: str) -> str:
    try:
        import user_agents

        parsed = user_agents.parse(user_agent)
    except Exception:
        logger.exception("a user agent could not be classified")
        return "other"
    for name in ("bot", "tablet", "mobile", "pc"):
        if getattr(parsed, f"is_{name}"):
            return {"mobile": "phone", "pc": "desktop"}.get(name, name)
    return "other"

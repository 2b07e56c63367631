"""A coarse device class for the record: enough to tell an auditor what was shown, too little to tell visitors apart."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger("consent_mw")

MAX_USER_AGENT_LENGTH = 256
"""Longer ones are cut before parsing: the parser works with regular expressions."""
MAX_REMEMBERED = 4096

_known: dict[str, str] = {}


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

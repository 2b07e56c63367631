"""A coarse device class for the record: enough to tell an auditor what was shown, too little to tell visitors apart."""

from __future__ import annotations

from functools import lru_cache

MAX_USER_AGENT_LENGTH = 256
"""Longer ones are cut before parsing: the parser works with regular expressions."""


def device_class(user_agent: str) -> str:
    """``phone``, ``tablet``, ``desktop``, ``bot`` or ``other``. The first call takes a second."""
    return _device_class(user_agent[:MAX_USER_AGENT_LENGTH])


@lru_cache(maxsize=1024)
def _device_class(user_agent: str) -> str:
    import user_agents

    parsed = user_agents.parse(user_agent)
    for name in ("bot", "tablet", "mobile", "pc"):
        if getattr(parsed, f"is_{name}"):
            return {"mobile": "phone", "pc": "desktop"}.get(name, name)
    return "other"

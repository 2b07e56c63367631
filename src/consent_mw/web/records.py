"""Where a site's decisions are recorded, and who else is told: made once, and shared by its versions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from consent_mw.config import ConsentConfig
from consent_mw.errors import ConfigError
from consent_mw.ledger.base import Ledger
from consent_mw.ledger.heads import seed_from_secret_key, seed_from_signing_key
from consent_mw.ledger.open import open_ledger
from consent_mw.ledger.recorder import Recorder
from consent_mw.ledger.spool import Spool
from consent_mw.web.webhooks import Webhooks


class Records(NamedTuple):
    """:ivar recorder: None where the site keeps no records"""

    recorder: Recorder | None
    webhooks: Webhooks | None


def make_records(config: ConsentConfig, keys: Sequence[str], ledger: str | Ledger | None) -> Records:
    """:raises ConfigError: for a ledger that nobody knows, and for webhooks that could not be kept"""
    if ledger is None:
        if config.webhooks:
            raise ConfigError("webhooks tell of what is recorded; allowed: with a ledger")
        return Records(None, None)
    if isinstance(ledger, str):
        ledger = open_ledger(ledger)
    elif not all(callable(getattr(ledger, name, None)) for name in ("open", "append", "close")):
        raise ConfigError(f"ledger {ledger!r} is none; allowed: a DSN, None, or an object with open, append and close")
    settings = config.ledger
    # where what has to wait outlives a restart
    spool = Path(settings.spool) if settings.spool is not None else getattr(ledger, "spool", None)
    heads = Path(settings.heads) if settings.heads is not None else None
    key = settings.signing_key
    seed = seed_from_secret_key(keys[-1]) if key is None else seed_from_signing_key(key)
    webhooks = Webhooks(config.webhooks, spool) if config.webhooks else None
    return Records(Recorder(ledger, Spool(spool), seed, heads), webhooks)

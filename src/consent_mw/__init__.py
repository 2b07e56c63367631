"""consent_mw: one ASGI middleware that keeps cookies, trackers and location behind the visitor's consent."""

from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Consent
from consent_mw.errors import ConfigError, ConsentError, ConsentRequired, LedgerError
from consent_mw.web.access import get_consent, requires_consent
from consent_mw.web.account import end_account
from consent_mw.web.middleware import ConsentMiddleware

__all__ = [
    "ConfigError",
    "Consent",
    "ConsentConfig",
    "ConsentError",
    "ConsentMiddleware",
    "ConsentRequired",
    "LedgerError",
    "end_account",
    "get_consent",
    "requires_consent",
]

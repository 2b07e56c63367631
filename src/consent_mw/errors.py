"""The error tree. It imports nothing, so that every floor may raise from it.

ConsentError
├── ConfigError      the configuration cannot be right; raised at start-up, never during a request
├── ConsentRequired  an endpoint asked for a category or service that the visitor has not granted
└── LedgerError      a record could not be made durable, read or verified
"""

from __future__ import annotations


class ConsentError(Exception):
    """Root of all errors that this package raises on purpose."""


class ConfigError(ConsentError, ValueError):
    """The configuration is wrong. The message names the key, the value and what is allowed."""


class ConsentRequired(ConsentError):
    """The visitor has not granted what an endpoint needs.

    :ivar required: ids of the categories or services that are missing, in the order they were asked for
    """

    def __init__(self, *required: str) -> None:
        super().__init__(f"consent is missing for: {', '.join(required)}")
        self.required = required


class LedgerError(ConsentError):
    """The ledger could not make a record durable, or could not be opened, read or verified."""

"""A logging filter that keeps where visitors are out of the logs, whoever writes them.

    {"filters": {"places": {"()": "consent_mw.logs.LocationFilter"}},
     "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["places"]}}}

A log outlives the request and every withdrawal, so it gets no place even of a visitor who has granted theirs.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from consent_mw.enforce.location.address import UNKNOWN, cut_address
from consent_mw.enforce.location.rules import LocationRules
from consent_mw.enforce.location.text import scrub_prose

PLACE = "(place)"
"""Stands where a pair of coordinates stood that nothing announced."""

_PAIR = re.compile(r"(?<![\w.])[+-]?\d{1,2}\.\d{3,}\s?[,;/ ]\s?[+-]?(?:1[0-7]\d|\d{1,2})\.\d{3,}(?![\w.]*\d)")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15})(?![\w.]*\w)"
)
_formatter = logging.Formatter()


class LocationFilter(logging.Filter):
    """Cuts client addresses to their network and takes coordinates out of messages, arguments and tracebacks.

    Put it on a handler: filters of a logger do not see what its children log. It never drops a record.

    :param extra_fields: further names whose value is a place, as in ``[location]``
    """

    def __init__(self, name: str = "", *, extra_fields: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self._rules = LocationRules(fields=extra_fields)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.args:
            record.args = self._clean_arguments(record.args)
        try:
            message = record.getMessage()
        except Exception:
            return True  # the handler reports a message that does not fit its arguments
        clean = self.clean(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info:
            record.exc_text = self.clean(record.exc_text or _formatter.formatException(record.exc_info))
        return True

    def clean(self, text: str) -> str:
        """A text without full addresses and coordinates."""
        text = _ADDRESS.sub(_network, text)
        text, _ = scrub_prose(text, self._rules)
        return _PAIR.sub(PLACE, text)

    def _clean_arguments(self, arguments: Any) -> Any:
        """Texts among the arguments, each for itself: formatters of access logs count on their number and order."""
        if isinstance(arguments, tuple):
            return tuple(self.clean(value) if isinstance(value, str) else value for value in arguments)
        if isinstance(arguments, dict):
            return {key: self.clean(value) if isinstance(value, str) else value for key, value in arguments.items()}
        return arguments


def _network(match: re.Match[str]) -> str:
    cut = cut_address(match[0])
    return match[0] if cut is None or cut == UNKNOWN else cut

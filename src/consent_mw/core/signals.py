"""Opt-out signals a browser sends: Global Privacy Control and Do Not Track.

Both only ever deny. The sole value that means anything is exactly ``1`` (W3C GPC, section 3.2); with a repeated header
one ``1`` is enough. A missing signal, or ``DNT: 0``, is never a grant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Signals(NamedTuple):
    gpc: bool = False
    dnt: bool = False

    @property
    def any(self) -> bool:
        return self.gpc or self.dnt

    def beyond(self, told: Signals) -> bool:
        """Whether a signal is present now that the visitor had not been told of when they chose."""
        return (self.gpc and not told.gpc) or (self.dnt and not told.dnt)

    def joined(self, others: Signals) -> Signals:
        return Signals(self.gpc or others.gpc, self.dnt or others.dnt)

    def among(self, counted: Collection[str]) -> Signals:
        """Those that count under a regime."""
        return Signals(self.gpc and "gpc" in counted, self.dnt and "dnt" in counted)

    def names(self) -> tuple[str, ...]:
        return ("gpc",) * self.gpc + ("dnt",) * self.dnt


NO_SIGNALS = Signals()


def read_signals(headers: Iterable[tuple[bytes, bytes]]) -> Signals:
    """Read both signals from raw headers with lower-case names (ASGI), repeated headers included."""
    gpc = dnt = False
    for name, value in headers:
        if value == b"1":
            gpc = gpc or name == b"sec-gpc"
            dnt = dnt or name == b"dnt"
    return Signals(gpc, dnt)

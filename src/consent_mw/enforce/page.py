"""What the HTML gate needs to know of the page it works on, and what it remembers from one page to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from consent_mw.enforce.references import Judge
from consent_mw.enforce.tags import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page for one visitor.

    :ivar block: what stands at the start of the body, given whether it has a ``<base>`` and its ``lang``
    :ivar placeholder: what stands in front of an embed that is held back, given the ids it waits for
    """

    judge: Judge
    block: Callable[[bool, str], bytes]
    placeholder: Callable[[list[str], Tag], bytes]
    head: bytes = b""
    """What stands at the start of the head, before anything of the page can run."""
    located: bool = False
    """The site may know where this visitor is, and so may the frames that it lets know."""
    has_charset: bool = True
    """The response names its charset; where it does not, the page's own bytes may name a stateful one."""
    everything_granted: bool = False
    """Then no address and no script is looked at."""
    memo: TagMemo = field(default_factory=lambda: TagMemo())


class TagMemo:
    """What became of a tag, for one set of grants on one host: a site's tags repeat on every page.

    What has a placeholder is not remembered, that belongs to the page; nor is anything on a page with a ``<base>``.
    """

    MAX_TAGS = 4096
    MAX_TAG_BYTES = 1024

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self.get = self._known.get

    def keep(self, raw: bytes, outcome: bytes) -> None:
        if len(raw) <= self.MAX_TAG_BYTES:
            if len(self._known) >= self.MAX_TAGS:
                self._known.clear()
            self._known[raw] = outcome

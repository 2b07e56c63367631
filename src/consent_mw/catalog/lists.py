"""An operator's own block list in the format of Adblock Plus, as EasyPrivacy is: its rules about whole hosts and paths.

Only rules that hold for every page and every kind of request are taken over, because only those can be looked up as
the catalogue's hosts are: ``||host^`` and ``||host/path``, also with ``$third-party``. The rest is counted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from consent_mw.catalog.schema import Host, ServiceEntry
from consent_mw.core.matching import HostIndex
from consent_mw.errors import ConfigError

logger = logging.getLogger("consent_mw")

_RULE = re.compile(r"(@@)?\|\|([A-Za-z0-9._-]+)(/[^*^|$?#\s\"'<>]*)?\^?\|?(?:\$(.*))?")
_COSMETIC = re.compile(r"#[@?$%]*#")
# "third-party" goes without saying: the site's own hosts are never held back. The others hold for any request.
_ANY_REQUEST = frozenset({"", "third-party", "3p", "all", "important"})
_host: TypeAdapter[str] = TypeAdapter(Host)


_NO_ID = re.compile(r"[^a-z0-9_]+")


class BlockList(NamedTuple):
    """What could be read of a list.

    :ivar lines: ``host`` or ``host/prefix``, each with the number of the line that names it
    :ivar skipped: how many rules about requests were not understood; an exception within a host that is held is one
    """

    lines: Mapping[str, int]
    skipped: int


def read_list(path: str) -> BlockList:
    """:raises ConfigError: for a file that cannot be read, or holds no rule that can; it names the file and the line"""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"enforcement.lists.file = {path!r}: not readable: {error}") from error
    lines: dict[str, int] = {}
    exceptions: set[str] = set()
    skipped = 0
    for number, raw in enumerate(content.splitlines(), 1):
        try:
            text = raw.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise ConfigError(f"enforcement.lists.file = {path!r}, line {number}: not UTF-8: {error.reason}") from None
        if not text or text[0] in "![" or _COSMETIC.search(text):
            continue  # a comment, a header, or a rule about how a page looks
        reference, is_exception = _reference(text)
        if reference is None:
            skipped += 1
        elif is_exception:
            exceptions.add(reference)
        else:
            lines.setdefault(reference, number)
    if not lines:
        raise ConfigError(
            f"enforcement.lists.file = {path!r}: no rule of the form ||host^ or ||host/path in any of its lines"
        )
    held = {reference: at for reference, at in lines.items() if reference not in exceptions}
    return BlockList(held, skipped + len(exceptions.difference(lines)))


def _reference(rule: str) -> tuple[str | None, bool]:
    """What a rule is about, in our words, and whether it is an exception."""
    match = _RULE.fullmatch(rule)
    if match is None or not _ANY_REQUEST.issuperset((match[4] or "").lower().split(",")):
        return None, False
    try:
        host = _host.validate_python(match[2].lower())
    except ValidationError:
        return None, False
    return host if match[3] in (None, "/") else host + match[3], match[1] is not None


def list_id(path: str) -> str:
    """The id of the service that stands for a list: the file's name without its ending."""
    return _NO_ID.sub("-", Path(path).stem.lower()).strip("-_")[:64] or "list"


def list_entry(path: str, category: str, others: Iterable[ServiceEntry]) -> ServiceEntry:
    """A list as one service. What a service of the site or the catalogue claims stays with that service.

    :raises ConfigError: see :func:`read_list`
    """
    claimed = HostIndex((reference, entry.id) for entry in others for reference in (*entry.hosts, *entry.paths))
    lines, skipped = read_list(path)
    new = [reference for reference in lines if claimed.find(*_host_and_path(reference)) is None]
    logger.info("%s: %d hosts and paths, %d of them new; %d rules not understood", path, len(lines), len(new), skipped)
    return ServiceEntry(
        id=list_id(path),
        name=Path(path).name[:120],
        category=category,
        hosts=tuple(reference for reference in new if "/" not in reference),
        paths=tuple(reference for reference in new if "/" in reference),
    )


def _host_and_path(reference: str) -> tuple[str, str]:
    host, slash, path = reference.partition("/")
    return host, slash + path

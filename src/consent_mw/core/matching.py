"""Look-ups that stay flat however many services are configured: names with globs, hosts with paths.

A glob is a literal with ``*`` for any run of characters; nothing else is special. It is matched without backtracking
over alternatives, so no pattern an operator writes can make a request slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


def glob_match(pattern: str, name: str) -> bool:
    """Whether ``name`` matches ``pattern``; each literal part is found once, from left to right."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    last = rest.pop()
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


class NameIndex(Generic[T]):
    """First match wins among equals; an exact name beats a glob, a longer literal prefix beats a shorter one."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[str, T] = {}
        self._globs: dict[str, list[tuple[str, T]]] = {}
        for name, value in entries:
            if "*" not in name:
                self._exact.setdefault(name, value)
            else:
                self._globs.setdefault(name.partition("*")[0], []).append((name, value))
        self._prefix_lengths = sorted({len(prefix) for prefix in self._globs}, reverse=True)

    def find(self, name: str) -> T | None:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        for length in self._prefix_lengths:
            for pattern, value in self._globs.get(name[:length], ()):
                if glob_match(pattern, name):
                    return value
        return None


class HostIndex(Generic[T]):
    """Finds whose a host and path are.

    References are ``host`` (with its subdomains), ``host/prefix`` (a part of a shared host) and ``/file`` (a
    self-hosted file, on any host and in any folder). The longest host wins, then the longest path.
    """

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._hosts: dict[str, list[tuple[str, T]]] = {}
        self._files: dict[str, T] = {}
        for reference, value in entries:
            host, slash, path = reference.partition("/")
            if host == "":
                self._files.setdefault(path.rpartition("/")[2], value)
            else:
                self._hosts.setdefault(host, []).append((slash + path, value))
        for paths in self._hosts.values():
            paths.sort(key=lambda entry: len(entry[0]), reverse=True)

    def find(self, host: str, path: str) -> T | None:
        """``host`` in lower case without port or trailing dot, as a WHATWG parser gives it; ``path`` without query."""
        rest = host
        while rest:
            for prefix, value in self._hosts.get(rest, ()):
                if path.startswith(prefix):
                    return value
            rest = rest.partition(".")[2]
        return self.find_file(path)

    def find_file(self, path: str) -> T | None:
        """For the site's own host: only known file names count there."""
        return self._files.get(path.rpartition("/")[2])

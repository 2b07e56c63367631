"""Paths of the app as the configuration names them."""

from __future__ import annotations

from starlette.types import Scope


class Folders:
    """Paths and everything under them; ``/delivery`` is not ``/delivery-map``."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._exact = frozenset(path.rstrip("/") or "/" for path in paths)
        self._under = tuple(path.rstrip("/") + "/" for path in paths)

    def hold(self, scope: Scope) -> bool:
        """Whether a request goes there. Paths are the app's own, without the prefix that it is mounted under."""
        if not self._under:
            return False
        path: str = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
        return path in self._exact or path.startswith(self._under)

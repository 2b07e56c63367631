"""How the tests start Chromium: the system's own, quiet, with nothing that calls home."""

from __future__ import annotations

import shutil
from typing import Any


def options(*switches: str) -> dict[str, Any]:
    """Keyword arguments for Playwright's ``launch`` and ``launch_persistent_context``."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((path for path in map(shutil.which, names) if path is not None), None)
    quiet = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    args = [*quiet.split(), "--disable-component-update", "--disable-sync", *switches]
    return {"executable_path": executable, "headless": True, "args": args}

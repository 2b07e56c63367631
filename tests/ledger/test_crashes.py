"""Acknowledged means durable: killed workers, a power cut, a failing disk. The drills run in a program of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.records import MEMORY

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the drills fork their workers")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the failing disk is a preloaded library: it needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, HERE / "shim.c", "-ldl", "-lpthread"], check=True)
    return library


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="consent-drill-", dir=MEMORY) as made:
        yield Path(made)


def drill(kind: str, directory: Path, rounds: int, *mode: str, shim: Path | None = None) -> dict[str, Any]:
    undo = directory / "undo"
    undo.mkdir()
    environment = dict(os.environ)
    if shim is not None:
        environment |= {"LD_PRELOAD": str(shim), "CONSENT_SHIM_FILES": str(directory / "files")}
    if kind == "power":
        environment["CONSENT_SHIM_UNDO"] = str(undo)
    seed = os.environ.get("DRILL_SEED", "1")
    command = [sys.executable, str(HERE / "drill.py"), kind, str(directory), str(rounds), seed, *mode]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    print(kind, *mode, found)  # figures for the documentation, with pytest -s
    return found


def check(found: dict[str, Any], rounds: int) -> None:
    assert (found["rounds"], found["lost"], found["problems"]) == (rounds, 0, [])
    assert found["acknowledged"] > rounds


def test_killed_workers_lose_no_acknowledged_decision(tmp_path: Path) -> None:
    check(drill("kill", tmp_path, 10), 10)


def test_a_power_cut_loses_no_acknowledged_decision(directory: Path, shim: Path) -> None:
    check(drill("power", directory, 5, shim=shim), 5)


def test_without_the_sync_a_power_cut_loses_some_so_the_drill_bites(directory: Path, shim: Path) -> None:
    found = drill("power", directory, 3, "normal", shim=shim)
    assert found["lost"] > 0


def test_a_failing_disk_is_never_acknowledged_and_loses_nothing(directory: Path, shim: Path) -> None:
    found = drill("fault", directory, 60, shim=shim)
    check(found, 60)
    assert found["failed"] > 0


@pytest.mark.deep
def test_500_rounds_of_killing(tmp_path: Path) -> None:
    check(drill("kill", tmp_path, 500), 500)


@pytest.mark.deep
def test_500_power_cuts(directory: Path, shim: Path) -> None:
    check(drill("power", directory, 500, shim=shim), 500)


@pytest.mark.deep
def test_2000_disk_faults(directory: Path, shim: Path) -> None:
    check(drill("fault", directory, 2000, shim=shim), 2000)

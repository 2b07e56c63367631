"""The coverage-guided run of :mod:`property.fuzz_enforce`, in a process of its own; only in `make deep`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 600
UNIT_SECONDS = 10
"""Within this, any one input is done with."""


@pytest.mark.deep
def test_no_input_breaks_what_reads_pages(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is for Linux on x86")
    limits = [f"-max_total_time={SECONDS}", f"-timeout={UNIT_SECONDS}", "-max_len=64", "-len_control=0"]
    run = subprocess.run(
        [sys.executable, "-m", "property.fuzz_enforce", *limits, f"-artifact_prefix={tmp_path}/", tmp_path],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    print(run.stderr.strip().splitlines()[-1])  # how many runs it was

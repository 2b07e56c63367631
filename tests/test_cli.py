"""The command line: each command prints what it says, and its exit code tells what came of it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from consent_mw.cli import FAILED, MISUSED, OK, main

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    return main(arguments, out), out.getvalue()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "consent.toml"
    file.write_text('use = ["youtube"]\n[policy]\nversion = "2026-11"\n', encoding="utf-8")
    return file


def test_check_shows_what_a_configuration_asks(config: Path) -> None:
    code, text = run("check", str(config))
    assert code == OK
    assert "ok, policy 2026-11, sha256-" in text
    assert "necessary (always on)" in text
    assert "personalization_analytics (asked for): youtube" in text
    assert "geolocation (asked for alone): no declared service" in text


def test_check_says_when_nothing_is_declared(tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text("", encoding="utf-8")
    code, text = run("check", str(file))
    assert code == OK
    assert "no service is declared" in text


@pytest.mark.parametrize("content", ['use = ["nothing-like-it"]', "path = 5", "x ="])
def test_check_fails_on_a_mistake_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = tmp_path / "consent.toml"
    file.write_text(content, encoding="utf-8")
    code, text = run("check", str(file))
    assert (code, text) == (FAILED, "")
    assert capsys.readouterr().err.startswith("consent-mw: ")


def test_check_fails_on_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(tmp_path / "none.toml"))[0] == FAILED
    assert "none.toml" in capsys.readouterr().err


def test_suggest_reads_a_log_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "WARNING blocked unclassified response cookie 'basket'; to classify it: ...\n"
    log = tmp_path / "app.log"
    log.write_bytes(b"\xff\xfe odd bytes\n" + line.encode())
    code, text = run("suggest", str(log))
    assert code == OK
    assert 'name = "basket"' in text
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))
    assert run("suggest") == (code, text)


def test_catalog_lists_searches_and_explains() -> None:
    code, text = run("catalog")
    assert code == OK
    assert text.splitlines()[-1].endswith(" services")
    code, found = run("catalog", "google", "analytics")
    assert code == OK
    assert "google-analytics" in found
    code, explained = run("catalog", "youtube")
    assert code == OK
    assert 'declare   use = ["youtube"]' in explained
    assert "purposes" in explained


def test_catalog_says_whose_a_host_is_and_which_line_of_a_list_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config = ("--config", "examples/consent.toml")
    code, text = run("catalog", "--host", "https://a.counter.partner.example/x", *config)
    assert code == OK
    assert text.splitlines() == [
        "a.counter.partner.example: blocklist.txt (blocklist), waits for personalization_analytics",
        "  examples/blocklist.txt, line 3: counter.partner.example",
    ]
    assert "  examples/blocklist.txt: 2 hosts and paths, 0 rules not understood\n" in run("check", config[1])[1]
    assert run("catalog", "--host", "www.youtube.com/embed/x")[1].startswith("www.youtube.com: YouTube (youtube)")
    assert run("catalog", "--host", "nobody.example") == (FAILED, "nobody.example: nobody's, it is not held back\n")


def test_catalog_fails_when_nothing_is_found() -> None:
    assert run("catalog", "qqqqqq") == (FAILED, "0 services\n")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["check"], ["check", "a", "b"], ["--nonsense"]])
def test_misuse_is_told_from_failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == MISUSED
    assert "usage: consent-mw" in capsys.readouterr().err


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--help"],
        ["check", "--help"],
        ["suggest", "--help"],
        ["catalog", "--help"],
        ["ledger", "--help"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == OK
        assert "usage: consent-mw" in capsys.readouterr().out


def test_it_runs_as_a_module_too(config: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "consent_mw", "check", str(config)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (OK, "")
    assert "2026-11" in done.stdout

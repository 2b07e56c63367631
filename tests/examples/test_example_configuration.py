"""The commented configuration is a real one, and names every key there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from consent_mw import ConsentConfig, ConsentMiddleware

ROOT = Path(__file__).parents[2]
FULL = ROOT / "examples" / "consent.toml"
DEMO = ROOT / "examples" / "demo" / "consent.toml"
SECRET = "0123456789abcdef0123456789abcdef"

TABLES = [name for name, field in ConsentConfig.model_fields.items() if not isinstance(field.default, tuple)]


@pytest.mark.parametrize("file", [FULL, DEMO], ids=["full", "demo"])
def test_it_mounts(file: Path) -> None:
    mounted = ConsentMiddleware(PlainTextResponse("ok"), config=file, secret_key=SECRET, ledger="memory://")
    assert mounted.site.config.policy.version == "2026-11"


def test_every_top_level_key_is_shown() -> None:
    text = FULL.read_text(encoding="utf-8")
    assert "# [[webhooks]]" in text  # a secret does not belong into an example file
    assert set(ConsentConfig.model_fields) == {*tomllib.loads(text), "webhooks"}


@pytest.mark.parametrize("table", [name for name in TABLES if name != "path"])
def test_every_key_of_a_table_is_shown_or_commented_out(table: str) -> None:
    text = FULL.read_text(encoding="utf-8")
    section = re.split(r"^\[", text.partition(f"\n[{table}]")[2], maxsplit=1, flags=re.MULTILINE)[0]
    shown = set(re.findall(r"^(?:# )?([a-z_]+) =", section, re.MULTILINE))
    known = set(type(ConsentConfig.model_fields[table].default).model_fields)
    assert known - shown - {"signing_key"} == set()  # a secret does not belong into an example file

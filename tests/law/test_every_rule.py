"""No rule without a test, and no rule left out without a word."""

from __future__ import annotations

import re
from pathlib import Path

from consent_mw.regimes.load import load_regimes

SOURCES = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
TESTED = {f"{a}-{b}" for text in SOURCES for a, b in re.findall(r"def test_([A-Z]{2})_([0-9]{2})_", text)}
RULES = load_regimes().rules


def test_each_rule_that_software_keeps_has_a_test_of_its_name() -> None:
    assert {id for id, rule in RULES.items() if rule.kept == "software"} == TESTED


def test_each_other_rule_is_named_as_not_ours() -> None:
    said = "".join(text.partition('"""')[2].partition('"""')[0] for text in SOURCES)
    assert all(id in said for id, rule in RULES.items() if rule.kept == "site")

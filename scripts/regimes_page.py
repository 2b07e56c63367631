"""``python -m scripts.regimes_page``: writes docs/reference/regimes.md from the regimes' data. A test compares."""

from __future__ import annotations

from pathlib import Path

from consent_mw.core.regime import Regime
from consent_mw.regimes.load import load_regimes
from consent_mw.regimes.schema import RegimeEntry, RegimesFile

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "regimes.md"
HEAD = """# Regimes

What this package takes the law of a region to ask, looked up on {checked}. Made from `consent_mw/regimes/regimes.toml`
(`python -m scripts.regimes_page`). It is material to judge, not legal advice.

How to use it: [Rules by region](../how-to/regimes.md).

| regime | regions | before a choice | asked for alone | layer | consent, refusal | evidence |
|---|---|---|---|---|---|---|
"""
SEEN = {"text": "read", "secondary": "second-hand", "recalled": "to be confirmed"}


def page(data: RegimesFile) -> str:
    rows = "".join(map(_row, data.regimes))
    rules = "".join(
        f"| {id} | {rule.says} | {rule.how} | {rule.kept} | {rule.source}, {rule.date} ({SEEN[rule.seen]}) |\n"
        for id, rule in data.rules.items()
    )
    return (
        HEAD.format(checked=data.checked)
        + rows
        + "\nAll times are days. What is allowed holds only where the site's configuration names the regime.\n"
        + "Opt-out signals (GPC, DNT) count in every regime.\n\n"
        + "## Rules\n\nKept by software: a test in `tests/law` carries the id.\n\n"
        + "| id | what it says | how it is kept | by | source |\n|---|---|---|---|---|\n"
        + rules
    )


def _row(entry: RegimeEntry) -> str:
    opt_out = entry.regime is Regime.OPT_OUT
    alone = list(entry.separate)
    if entry.recipients:
        alone.append(f"services for {', '.join(entry.recipients)}")
    if entry.home:
        alone.append(f"providers outside {entry.home}")
    cells = (
        f"`{entry.id}` {entry.name}",
        ", ".join(entry.regions) or "not known",
        f"allowed: {', '.join(entry.allowed)}" if opt_out else "denied",
        "; ".join(alone),
        ("banner" if entry.banner else "notice") + (" and opt-out link" if entry.opt_out_link else ""),
        f"{entry.consent_days}, {entry.refusal_days}",
        str(entry.evidence_days),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(load_regimes()), encoding="utf-8")

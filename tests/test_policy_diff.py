"""``consent-mw policy diff``: two files in, who is asked what out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from consent_mw.cli import main
from consent_mw.config import ConsentConfig
from consent_mw.errors import ConfigError
from consent_mw.policy_diff import policy_diff

OLD = """
use = ["google-analytics", "youtube"]
[policy]
version = "1"
effective_at = 2026-10-01
"""
NEW = """
use = ["google-analytics", "hotjar"]
[policy]
version = "2"
published_at = 2026-11-01
effective_at = 2026-12-01
material = true
changes = ["We measure how pages are used."]
[[categories]]
id = "club"
purposes = ["support"]
"""


def diff(tmp_path: Path, old: str, new: str) -> tuple[int, str]:
    (tmp_path / "old.toml").write_text(old)
    (tmp_path / "new.toml").write_text(new)
    out = io.StringIO()
    return main(["policy", "diff", str(tmp_path / "old.toml"), str(tmp_path / "new.toml")], out), out.getvalue()


def test_it_says_who_is_asked_what_and_from_when(tmp_path: Path) -> None:
    code, text = diff(tmp_path, OLD, NEW)
    assert code == 0
    assert text.splitlines() == [
        "policy 1 -> 2",
        "  from 2026-11-01: every page tells of the change",
        "  until 2026-12-01: earlier choices hold as they were made, and what is new waits",
        "  whoever chose before: is asked about club, which is new",
        "  whoever granted personalization_analytics: is asked again, for service hotjar",
        "  whoever refused: is asked nothing but what is a new category",
        "  removed: youtube; nobody is asked again for that",
    ]


def test_a_corrected_text_asks_nobody(tmp_path: Path) -> None:
    label = '\n[[categories]]\nid = "geolocation"\nlabel = "Place"\n'
    code, text = diff(tmp_path, OLD, OLD.replace("2026-10-01", "2026-11-01") + label)
    assert code == 0
    assert "whoever chose before: is asked nothing" in text


def test_a_wider_service_is_named_with_what_is_new_about_it() -> None:
    service = {"id": "s", "name": "S", "purposes": ["analytics"]}
    old = ConsentConfig(services=[service])
    new = ConsentConfig(
        policy={"version": "2"}, services=[{**service, "purposes": ["analytics", "media"], "recipients": ["Lab SA"]}]
    )
    assert "is asked again, for service s for media, to Lab SA" in "\n".join(policy_diff(old, new))


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"version": "1"}, "would mean two things"),
        ({"version": "2", "published_at": "2026-09-01", "effective_at": "2026-12-01"}, "overlaps"),
        ({"version": "2", "effective_at": "2026-09-01"}, "overlaps"),
    ],
)
def test_versions_that_overlap_are_refused(policy: dict[str, str], named: str) -> None:
    old = ConsentConfig(policy={"version": "1", "effective_at": "2026-10-01"})
    with pytest.raises(ConfigError, match=named):
        policy_diff(old, ConsentConfig(use=["youtube"], policy=policy))

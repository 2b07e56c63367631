"""Languages: complete files only, and the one a visitor reads best."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from babel.core import Locale
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.banner_settings import BannerSettings
from consent_mw.errors import ConfigError
from consent_mw.i18n import Locales, shipped_tags

LOCALES = Locales()
TABLE = (Path(__file__).parents[1] / "docs/reference/languages.md").read_text(encoding="utf-8")
ALLOWED = ("en", "zh-Hans")
_NAMES = re.compile(r"\{[a-z_]+\}")

EUROPEAN_UNION = set("bg hr cs da nl en et fi fr de el hu ga it lv lt mt pl pt ro sk sl es sv".split())
OTHERS = set("nb is uk tr ru ar he fa hi zh-Hans zh-Hant ja ko vi th id pt-BR fr-CA".split())
RIGHT_TO_LEFT = {"ar", "he", "fa"}

PROPER_NAMES = {"signal_gpc", "signal_dnt"}
SAME_AS_ENGLISH = {
    "cookie": set("cs da de el es fr it ja mt nl pt pt-BR ro sk vi zh-Hans zh-Hant".split()),
    "services": {"fr", "fr-CA"},
    "purpose_social": {"it"},
}
"""Words that a language shares with English. Any other copy of the English text is one that nobody translated."""


def _file(**changed: Any) -> str:
    return json.dumps(
        {"tag": "en", "name": "English", "direction": "ltr", "reviewed": False, "texts": {"a": "A"}, **changed}
    )


@pytest.mark.parametrize("tag", LOCALES.tags)
def test_every_text_names_what_the_english_one_names(tag: str) -> None:
    english, texts = LOCALES.texts("en"), LOCALES.texts(tag)
    assert texts.keys() == english.keys()
    for key, text in texts.items():
        assert set(_NAMES.findall(text)) == set(_NAMES.findall(english[key])), key


@pytest.mark.parametrize("tag", [tag for tag in LOCALES.tags if tag != "en"])
def test_every_text_is_translated(tag: str) -> None:
    english, texts = LOCALES.texts("en"), LOCALES.texts(tag)
    copied = {key for key in texts if texts[key] == english[key] and tag not in SAME_AS_ENGLISH.get(key, ())}
    assert copied <= PROPER_NAMES


@pytest.mark.parametrize("tag", ["fr", "fr-CA"])
def test_french_punctuation_never_begins_a_line(tag: str) -> None:
    """The space before it does not break (U+00A0, U+202F)."""
    for key, text in LOCALES.texts(tag).items():
        assert not re.search(" [:;!?»]|« ", text), key


@pytest.mark.parametrize("tag", LOCALES.tags)
def test_each_language_runs_the_way_it_is_written(tag: str) -> None:
    written = Locale.parse(tag, sep="-").text_direction
    assert LOCALES.direction(tag) == written == ("rtl" if tag in RIGHT_TO_LEFT else "ltr")


def test_each_language_has_a_name_of_its_own() -> None:
    assert len({LOCALES[tag].name for tag in LOCALES.tags}) == len(LOCALES.tags)


@pytest.mark.parametrize("tag", LOCALES.tags)
def test_a_text_that_names_the_button_quotes_it(tag: str) -> None:
    texts = LOCALES.texts(tag)
    assert texts["accept_all"] in texts["separate_note"]


def test_what_the_promise_names_is_shipped() -> None:
    assert set(LOCALES.tags) == EUROPEAN_UNION | OTHERS


def test_every_text_is_said_somewhere() -> None:
    """No translator works in vain: each key stands in the source, whole or as a stem to which something is added."""
    source = "".join(path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / "src").rglob("*.py"))
    stems = ("purpose_", "category_", "signal_", "decision_", "event_")
    keys = [key.removesuffix("_opt_out") for key in LOCALES.texts("en") if not key.startswith(stems)]
    assert [key for key in keys if not re.search(rf"""["']{key}["'{{]""", source)] == []


def test_every_language_we_ship_is_offered() -> None:
    assert set(BannerSettings().locales) == set(LOCALES.tags)
    assert BannerSettings().locales[0] == "en"
    assert shipped_tags() == BannerSettings().locales


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("ZH_hans_cn", "zh-Hans"),
        ("zh-TW", "zh-Hans"),  # the other script of one's language beats another language
        ("en-GB", "en"),
        ("xx,zh;q=0.5", "zh-Hans"),
        ("en;q=0.1,zh;q=0.9", "zh-Hans"),
        ("en;q=0,zh;q=0.1", "zh-Hans"),
        ("zh;q=0", "en"),
        ("zh;q=nan", "en"),
        ("zh;q=2", "en"),
        ("zh;q=-1", "en"),
        ("*", "en"),
        (",,;;q=,", "en"),
        ("xx," * 40 + "zh", "en"),  # beyond the range bound nothing is read
        ("x" * 1024 + ",zh", "en"),  # nor beyond the length bound
    ],
)
def test_negotiation(header: str, expected: str) -> None:
    assert LOCALES.negotiate(header, ALLOWED) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("pt", "pt"),
        ("pt-PT", "pt"),
        ("pt-AO", "pt"),
        ("pt-BR,pt;q=0.9", "pt-BR"),
        ("fr", "fr"),
        ("fr-BE", "fr"),
        ("fr-CA,fr;q=0.9", "fr-CA"),
        ("zh", "zh-Hans"),
        ("zh-Hant", "zh-Hant"),
        ("zh-TW,zh;q=0.9", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-Hans-TW", "zh-Hans"),
        ("yue-HK", "zh-Hant"),
        ("cmn", "zh-Hans"),
        ("no", "nb"),
        ("nn-NO,en;q=0.5", "nb"),
        ("nb-NO", "nb"),
        ("iw-IL", "he"),
        ("he", "he"),
        ("in", "id"),
        ("id-ID", "id"),
        ("mo", "ro"),
        ("EL-gr", "el"),
        ("tlh,uk;q=0.3", "uk"),
    ],
)
def test_negotiation_among_all_we_ship(header: str, expected: str) -> None:
    assert LOCALES.negotiate(header, BannerSettings().locales) == expected


def test_another_region_of_one_s_language_beats_another_language() -> None:
    assert LOCALES.negotiate("pt,de", ("de", "pt-BR")) == "pt-BR"
    assert LOCALES.negotiate("fr-CA", ("en", "fr")) == "fr"
    assert LOCALES.negotiate("zh-TW", ("en", "zh-Hans")) == "zh-Hans"


def test_the_first_allowed_language_is_the_last_resort() -> None:
    assert LOCALES.negotiate("xx", ("zh-Hans", "en")) == "zh-Hans"
    assert LOCALES.negotiate("xx", ()) == "en"
    assert LOCALES.negotiate("zh", ("en", "not-shipped")) == "en"


@given(st.text(max_size=3000), st.sampled_from([ALLOWED, ALLOWED[::-1]]))
def test_no_header_breaks_it(header: str, allowed: tuple[str, ...]) -> None:
    assert LOCALES.negotiate(header, allowed) in allowed


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("de.json", _file(tag="de", texts={"a": "A", "b": "B"}), "de.json lacks, or has beyond en.json: b"),
        ("de.json", _file(tag="de", texts={}), "a"),
        ("de.json", _file(tag="de", texts={"a": ""}), "none of them empty"),
        ("de.json", _file(tag="fr"), "tag"),
        ("de.json", _file(tag="de", direction="up"), "direction"),
        ("de.json", _file(tag="de", reviewed="yes"), "reviewed"),
        ("de.json", "[]", "cannot be read"),
        ("de.json", "{", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / "en.json").write_text(_file())
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=said):
        Locales(tmp_path)


def test_english_is_not_optional(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"en\.json is missing"):
        Locales(tmp_path)


@pytest.mark.parametrize("tag", LOCALES.tags)
def test_the_table_in_the_documentation_says_how_far_a_language_is(tag: str) -> None:
    ours, language = LOCALES[tag], Locale.parse(tag, sep="-").get_display_name("en")
    written = "right to left" if ours.direction == "rtl" else "left to right"
    row = f"| `{tag}` | {language} | {ours.name} | {written} | {'yes' if ours.reviewed else 'not yet'} |"
    assert row in TABLE.splitlines()
    assert TABLE.count("\n| `") == len(LOCALES.tags)

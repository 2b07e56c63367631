"""The banner's files: what is served, and how heavy it is."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import brotli
import pytest
from scripts.minify import ENTRIES, digest

from consent_mw.banner_settings import DEFAULT_THEME, BannerSettings
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.i18n import Locales, banner_folder
from consent_mw.settings import Controller
from consent_mw.web.assets import find, lean, load_assets
from consent_mw.web.banner import Banner

STYLES = ("banner.css", "modal.css", "preferences.css")
SERVED = ("banner.min.js", *STYLES)
BUDGET = 5 * 1024


def test_names_follow_the_content() -> None:
    assets = load_assets()
    assert {re.sub(r"\.[0-9a-f]{12}\.", ".", name) for name in assets} == {
        "banner.js",
        "frame.js",
        "banner.css",
        "preferences.css",
    }
    assert all(asset.name == name for name, asset in assets.items())
    themed = load_assets(BannerSettings(theme={"radius": "3px"}))
    assert find(themed, "banner.js").name == find(assets, "banner.js").name
    assert find(themed, "banner.css").name != find(assets, "banner.css").name
    assert find(themed, "banner.css").body.endswith(b"--consent-radius:3px}")
    modal = load_assets(BannerSettings(modal=True, position="center"))
    assert find(modal, "banner.css").body.startswith(find(assets, "banner.css").body + b"@layer consent{html:has")


def test_compressed_forms_hold_the_same_bytes() -> None:
    for asset in load_assets().values():
        assert gzip.decompress(asset.gzip) == asset.body
        assert asset.brotli is not None
        assert brotli.decompress(asset.brotli) == asset.body


@pytest.mark.parametrize("name", STYLES)
def test_the_lines_of_a_style_can_be_joined_and_its_layer_made_important(name: str) -> None:
    source = lean((banner_folder() / name).read_text(encoding="utf-8"))
    assert all(line[-1] in "{},;" for line in source.splitlines())
    assert not any(": " in line for line in source.splitlines() if line.endswith("{") and not line.startswith("@media"))
    assert source.count("@layer") == 1
    assets = load_assets(BannerSettings(modal=True, position="center"))
    served = find(assets, name.replace("modal", "banner")).body.decode()
    before, *layers = served.split("@layer consent{")
    layer = "".join(layers)
    assert "!important" not in before
    assert layer.count("!important") == layer.count(":") - len(re.findall(r":(?=[^;{}]*\{)", layer))


@pytest.mark.parametrize("name", SERVED)
def test_only_comments_and_indentation_are_taken_out(name: str) -> None:
    """What :func:`lean` takes for granted: no string runs over several lines, no code shares a comment's lines."""
    source = (banner_folder() / name).read_text(encoding="utf-8")
    code, in_comment = [], False
    for line in map(str.strip, source.splitlines()):
        in_comment = in_comment or line.startswith("/*")
        if line and not in_comment and not line.startswith("//"):
            code.append(line)
        in_comment = in_comment and not line.endswith("*/")
    assert lean(source).splitlines() == code
    assert not any(mark in line for line in code for mark in ("/*", "*/", " //"))
    assert all(line.count("`") % 2 == 0 for line in code)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda path: path.name)
def test_what_is_served_was_made_from_the_sources(entry: Path) -> None:
    made = entry.with_suffix(".min.js").read_text(encoding="utf-8")
    assert f"sha256 {digest(entry)}" in made.partition("\n")[0], "run `make assets` and commit what it makes"


@pytest.mark.parametrize("locale", BannerSettings().locales)
def test_script_style_and_one_language_stay_within_the_budget(locale: str) -> None:
    policy = build_policy(ConsentConfig())
    assets = load_assets()
    banner = Banner(
        policy,
        path="/consent",
        settings=BannerSettings(),
        controller=Controller(name="The Harbour Post"),
        locales=Locales(),
        assets=assets,
    )
    block = banner.block(resolve(policy, None, NO_SIGNALS), locale)
    script = find(assets, "banner.js").brotli
    assert script is not None
    assert len(brotli.compress(block)) + len(script) <= BUDGET


def test_the_defaults_that_themes_are_judged_by_are_those_of_the_style() -> None:
    style = (banner_folder() / "banner.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--consent-([a-z-]+): (.+);", part)) for part in style.split("@media", 2)[:2])
    assert {**light, **{f"dark-{name}": value for name, value in dark.items()}} == DEFAULT_THEME

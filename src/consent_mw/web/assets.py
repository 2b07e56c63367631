"""The banner's script and style: read once, named by their content, compressed beforehand."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from consent_mw.banner_settings import BannerSettings
from consent_mw.i18n import banner_folder

try:
    import brotli  # type: ignore[import-untyped, unused-ignore]
except ImportError:  # gzip serves everyone
    brotli = None

_HASH_LENGTH = 12
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
}

# Comments that fill whole lines, and indentation. The style and the made script keep to that and to one-line strings,
# so this needs no parser; tests/web/test_banner_assets.py watches over it.
_BLOCK_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
_LINE_COMMENT = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
_INDENTATION = re.compile(r"^[ \t]+|\n(?=\n)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file to serve as it is.

    :ivar name: with the hash of its content, so that it may be cached for ever
    :ivar brotli: None when the ``brotli`` module is not installed
    """

    name: str
    media_type: str
    body: bytes
    gzip: bytes
    brotli: bytes | None


def load_assets(settings: BannerSettings | None = None) -> Mapping[str, Asset]:
    """Every asset by its hashed name, for example ``banner.3f9c0a….js``."""
    settings = settings or BannerSettings()
    texts = {
        "banner.js": script_source("banner"),
        "frame.js": script_source("frame"),
        "banner.css": _style("banner") + (_style("modal") if settings.modal else "") + settings.theme_css,
        "preferences.css": _style("preferences"),
    }
    assets = [make_asset(name, text.encode()) for name, text in texts.items()]
    return {asset.name: asset for asset in assets}


def find(assets: Mapping[str, Asset], name: str) -> Asset:
    """The asset made of a file, for example ``banner.js``."""
    stem, _, extension = name.partition(".")
    return next(asset for key, asset in assets.items() if key.startswith(f"{stem}.") and key.endswith(f".{extension}"))


def _style(stem: str) -> str:
    """A style as it is served: joined lines, and every declaration in the layer ``!important``, because that way layers
    come before a site's own sheets.

    Every line ends in a brace, a comma or a semicolon, no selector holds ": ", and the layer is the last thing.
    """
    text = lean((banner_folder() / f"{stem}.css").read_text(encoding="utf-8"))
    text = text.replace("\n", "").replace(" {", "{").replace(": ", ":")
    before, layer, rules = text.partition("@layer consent{")
    return before + layer + rules.replace(";", "!important;").replace(";}", "}")


def script_source(stem: str) -> str:
    """A script as it is served, but for what is filled in."""
    return lean((banner_folder() / f"{stem}.min.js").read_text(encoding="utf-8")).rstrip()


def lean(source: str) -> str:
    """A source without its comments and indentation."""
    source = _BLOCK_COMMENT.sub("", source)
    return _INDENTATION.sub("", _LINE_COMMENT.sub("", source))


@lru_cache(maxsize=64)  # compressing takes most of a middleware's start; a process may make many
def make_asset(name: str, body: bytes) -> Asset:
    stem, _, extension = name.partition(".")
    digest = hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]
    return Asset(
        name=f"{stem}.{digest}.{extension}",
        media_type=_MEDIA_TYPES["." + extension],
        body=body,
        gzip=gzip.compress(body, 9, mtime=0),
        brotli=brotli.compress(body, quality=11) if brotli is not None else None,
    )

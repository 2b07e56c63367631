"""The banner's script and style: read once, named by their content, compressed beforehand."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from consent_mw.i18n import banner_folder

try:
    import brotli  # type: ignore[import-untyped, unused-ignore]
except ImportError:  # gzip serves everyone
    brotli = None

_HASH_LENGTH = 12
_MEDIA_TYPES = {"banner.min.js": "text/javascript; charset=utf-8", "banner.css": "text/css; charset=utf-8"}

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


def load_assets(theme_css: str = "") -> Mapping[str, Asset]:
    """Every asset by its hashed name, for example ``banner.3f9c0a….js``.

    :param theme_css: what a site adds to the style (see :attr:`consent_mw.banner_settings.BannerSettings.theme_css`)
    """
    folder = banner_folder()
    assets = {}
    for name, media_type in _MEDIA_TYPES.items():
        text = lean((folder / name).read_text(encoding="utf-8"))
        if name.endswith(".css"):
            # Every line ends in a brace, a comma or a semicolon, and no selector holds ": ".
            text = text.replace("\n", "").replace(" {", "{").replace(": ", ":") + theme_css
        asset = _asset(name.replace(".min", ""), media_type, text.encode())
        assets[asset.name] = asset
    return assets


def find(assets: Mapping[str, Asset], extension: str) -> Asset:
    """The asset of a kind: ``js`` or ``css``."""
    return next(asset for asset in assets.values() if asset.name.endswith(f".{extension}"))


def lean(source: str) -> str:
    """A source without its comments and indentation."""
    source = _BLOCK_COMMENT.sub("", source)
    return _INDENTATION.sub("", _LINE_COMMENT.sub("", source))


def _asset(name: str, media_type: str, body: bytes) -> Asset:
    stem, _, extension = name.partition(".")
    digest = hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]
    return Asset(
        name=f"{stem}.{digest}.{extension}",
        media_type=media_type,
        body=body,
        gzip=gzip.compress(body, 9, mtime=0),
        brotli=brotli.compress(body, quality=11) if brotli is not None else None,
    )

"""What a site may set about its banner. Values and their rules; nothing of the web."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from consent_mw.catalog.schema import Strict
from consent_mw.i18n import shipped_tags

Colour = Literal["accent", "accent-text", "background", "text"]
ThemeToken = Literal[
    "accent", "accent-text", "background", "text",
    "dark-accent", "dark-accent-text", "dark-background", "dark-text",
    "radius",
]  # fmt: skip

DEFAULT_THEME: Mapping[str, str] = {
    "accent": "#1b2733",
    "accent-text": "#ffffff",
    "background": "#ffffff",
    "text": "#16191d",
    "dark-accent": "#e8ecf1",
    "dark-accent-text": "#14171b",
    "dark-background": "#1a1d21",
    "dark-text": "#f1f3f5",
    "radius": "12px",
}
"""The values in ``static/banner/banner.css``, here for judging a theme that changes some of them."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_RADIUS = re.compile(r"(?:[0-9]|[12][0-9]|3[0-2])px")

_CONTRASTS: tuple[tuple[Colour, Colour, float, str], ...] = (
    ("accent-text", "accent", 4.5, "the words on both buttons (WCAG 1.4.3)"),
    ("accent", "background", 3.0, "both buttons, switches and the focus ring (WCAG 1.4.11)"),
    ("text", "background", 6.5, "text, of which the smaller is 85 % opaque (WCAG 1.4.3)"),
)

TextKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,100}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=600, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]


class BannerSettings(Strict):
    """``[banner]``.

    Accept and reject share one set of tokens, so no theme can make "no" weaker than "yes".

    :ivar enabled: False where the site asks in its own way: then there is no question and no settings entry of ours
    :ivar modal: nothing else can be used or scrolled before an answer; without JavaScript it is just a box
    :ivar locales: BCP 47 tags to choose from, by default all we ship; the first one is for visitors who read none of
        them
    :ivar order: which of the two equal buttons comes first
    :ivar texts: per locale, words of the site's own instead of ours
    :ivar theme: colours as ``#rrggbb``, the corners' radius as ``0px`` to ``32px``
    """

    enabled: bool = True
    position: Literal["bottom", "box", "center"] = "bottom"
    modal: bool = False
    order: Literal["accept_first", "reject_first"] = "reject_first"
    locales: tuple[str, ...] = Field(default_factory=shipped_tags, min_length=1)
    texts: dict[str, dict[TextKey, Text]] = Field(default_factory=dict)
    theme: dict[ThemeToken, str] = Field(default_factory=dict)

    @field_validator("theme")
    @classmethod
    def _values(cls, theme: dict[ThemeToken, str]) -> dict[ThemeToken, str]:
        for name, value in theme.items():
            if name == "radius":
                if not _RADIUS.fullmatch(value):
                    raise ValueError(f"{name} = {value!r}; allowed: 0px to 32px")
            elif not _COLOUR.fullmatch(value):
                raise ValueError(f"{name} = {value!r}; allowed: a colour as #rrggbb")
        return theme

    @model_validator(mode="after")
    def _in_the_middle(self) -> BannerSettings:
        if self.modal and self.position != "center":
            raise ValueError(f'modal = true with position = {self.position!r}; allowed: position = "center"')
        return self

    @model_validator(mode="after")
    def _readable(self) -> BannerSettings:
        values: dict[str, str] = {**DEFAULT_THEME}
        values |= {str(name): value for name, value in self.theme.items()}
        for scheme in ("", "dark-"):
            for front, back, least, what in _CONTRASTS:
                ratio = contrast(values[scheme + front], values[scheme + back])
                if ratio < least:
                    raise ValueError(
                        f"theme: {scheme}{front} on {scheme}{back} has a contrast of {ratio:.1f}:1; "
                        f"allowed: {least}:1 or more, for {what}"
                    )
        return self

    @property
    def theme_css(self) -> str:
        """The theme as custom properties, light and dark; empty when there is none."""
        changed = dict.fromkeys(name.removeprefix("dark-") for name in self.theme)
        values: dict[str, str] = {**DEFAULT_THEME, **{str(name): value for name, value in self.theme.items()}}
        light = ";".join(f"--consent-{name}:{values[name]}" for name in changed)
        dark = ";".join(f"--consent-{name}:{values['dark-' + name]}" for name in changed if name != "radius")
        css = f":root{{{light}}}" if light else ""
        return css + (f"@media(prefers-color-scheme:dark){{:root{{{dark}}}}}" if dark else "")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

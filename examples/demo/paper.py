"""The newspaper's words: stories and page templates, read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Story:
    slug: str
    kicker: str
    title: str
    standfirst: str
    byline: str
    minutes: int
    paragraphs: list[str]
    media: bool = False  # it embeds the video and the map


@cache
def stories() -> dict[str, Story]:
    read = tomllib.loads((HERE / "stories.toml").read_text(encoding="utf-8"))
    return {story["slug"]: Story(**story) for story in read["stories"]}


@cache
def _template(name: str) -> Template:
    return Template((HERE / "pages" / f"{name}.html").read_text(encoding="utf-8"))


def fill(name: str, **values: object) -> str:
    """A template with its blanks filled. Values are HTML: escape what comes from people."""
    return _template(name).substitute({key: str(value) for key, value in values.items()})


def layout(*, title: str, content: str, here: str, port: int, csrf: str, theme: str, reader: str) -> str:
    sections = {"/": "Front page", "/story/ferry": "The ferry", "/nearby": "Near you"}
    sections |= {"/sign-out": "Sign out"} if reader else {"/sign-in": "Sign in"}
    nav = "".join(
        f'<li><a href="{path}"{" aria-current=page" if path == here else ""}>{label}</a></li>'
        for path, label in sections.items()
    )
    today = datetime.now().astimezone()
    return fill(
        "layout",
        title=f"{escape(title)} · The Harbour Post" if title else "The Harbour Post",
        content=content,
        nav=nav,
        port=port,
        csrf=csrf,
        theme=f' data-theme="{theme}"' if theme in ("light", "dark") else "",
        today=f"{today:%A}, {today.day} {today:%B %Y}",
    )


def front(*, port: int, csrf: str, sees: dict[str, str], other_headline: bool) -> str:
    lead, *rest = stories().values()
    more = "".join(
        f'<article class="story"><p class="kicker">{story.kicker}</p>'
        f'<h2><a href="/story/{story.slug}">{story.title}</a></h2>'
        f'<p>{story.standfirst}</p><p class="by">{story.byline}</p></article>'
        for story in rest
    )
    return fill(
        "front",
        art=fill("art"),
        kicker=lead.kicker,
        headline="All aboard for Gannet Island" if other_headline else lead.title,
        standfirst=lead.standfirst,
        byline=lead.byline,
        minutes=lead.minutes,
        more=more,
        sees="".join(f"<dt>{escape(what)}</dt><dd>{escape(seen)}</dd>" for what, seen in sees.items()),
        port=port,
        csrf=csrf,
    )


def article(story: Story, *, port: int) -> str:
    paragraphs = [f"<p>{text}</p>" for text in story.paragraphs]
    paragraphs[0] = paragraphs[0].replace("<p>", '<p class="first">', 1)
    if story.media:
        paragraphs.insert(5, fill("map", port=port))
        paragraphs.insert(3, fill("video", port=port))
        paragraphs.insert(0, fill("art"))
    return fill(
        "article",
        kicker=story.kicker,
        headline=story.title,
        standfirst=story.standfirst,
        byline=story.byline,
        minutes=story.minutes,
        body="\n  ".join(paragraphs),
        port=port,
    )

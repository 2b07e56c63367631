"""The documentation is true: its code runs, its links lead somewhere, and no setting is without a line."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import consent_mw
from asgi.exchange import answering, call, wrapped
from consent_mw import ConsentConfig, ConsentMiddleware
from consent_mw.build import build_policy
from consent_mw.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def code(page: Path, language: str) -> list[str]:
    blocks = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [re.sub(f"^{indent}", "", body, flags=re.MULTILINE) for indent, kind, body in blocks if kind == language]


def settings(model: type[BaseModel] = ConsentConfig, section: str = "") -> Iterator[tuple[str, str, Any]]:
    """Section, key and default of every setting."""
    for name, field in model.model_fields.items():
        inner = [a for a in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_model(a)]
        if inner and not section:
            yield from settings(inner[0], name)
        else:
            yield section, name, field.default


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _as_toml(value: Any) -> str | None:
    """How the reference writes a default; None where it says it in words."""
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return None
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]" if not value else None
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize(("section", "key", "default"), list(settings()), ids=lambda value: str(value)[:30])
def test_every_setting_has_a_line_with_its_default(section: str, key: str, default: Any) -> None:
    titles = {
        "": "Top level",
        "categories": "`[[categories]]`",
        "services": "`[[services]]`",
        "cookies": "`[[cookies]]`",
        "webhooks": "`[[webhooks]]`",
    }
    title = titles.get(section, f"`[{section}]`")
    _, heading, rest = REFERENCE.partition(f"\n## {title}\n")
    assert heading, f"docs/reference/configuration.md has no section {title}"
    row = re.search(rf"^\| `{key}` \| ([^|]*) \|", rest.partition("\n## ")[0], re.MULTILINE)
    assert row is not None, f"{title} says nothing of `{key}`"
    written = _as_toml(default)
    assert written is None or row[1].strip() == f"`{written}`"


def test_no_line_is_about_a_setting_that_is_not_there() -> None:
    known = {key for _, key, _ in settings()}
    assert set(re.findall(r"^\| `(\w+)` \|", REFERENCE, re.MULTILINE)) <= known


def test_every_endpoint_has_a_line() -> None:
    text = (ROOT / "docs/reference/http.md").read_text(encoding="utf-8")
    known = json.loads(call(wrapped(answering()), "/consent/nothing").body)["detail"].removeprefix("known here: ")
    for name in known.split(", "):
        assert re.search(rf"^\| .*`(?:GET|POST) /consent/{re.escape(name)}", text, re.MULTILINE), name


def test_every_public_name_and_parameter_is_described() -> None:
    text = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    parameters = inspect.signature(ConsentMiddleware).parameters
    for name in (*consent_mw.__all__, *parameters):
        assert re.search(rf"`[^`\n]*\b{name}\b|^    {name},", text, re.MULTILINE), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, fragment = link.partition("#")
        if re.match(r"[a-z]+:", path) or path.startswith("/"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists() or target.suffix == ".png", f"{page.name} links to {link}"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, link


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=lambda page: page.stem)
def test_every_page_can_be_reached_from_the_index(page: Path) -> None:
    index = ROOT / "docs/index.md"
    reached = {
        (index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(index.read_text(encoding="utf-8"))
    }
    assert page == index or page in reached, f"docs/index.md does not link to {page.relative_to(ROOT)}"


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/tutorial/first-app.md"], ids=["readme", "tutorial"])
def test_the_code_of_readme_and_tutorial_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": page.stem}
    blocks = code(page, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_is_valid_where_it_does_not_run(page: Path) -> None:
    for block in code(page, "python"):
        compile(block, str(page), "exec", flags=0x2000)  # PyCF_ALLOW_TOP_LEVEL_AWAIT
    for block in code(page, "toml"):
        build_policy(ConsentConfig(**tomllib.loads(block)))


def test_every_command_that_is_mentioned_exists(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for words in sorted(set(re.findall(r"(?<!install )consent-mw ((?:ledger )?(?:receipt )?[a-z]+)", text))):
        with pytest.raises(SystemExit) as ended:
            main([*words.split(), "--help"])
        assert ended.value.code == 0, words

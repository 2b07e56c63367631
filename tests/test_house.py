"""The house in order: imports go down only, one facade, modules that say what they are, files that fit in a head."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import consent_mw

PACKAGE = Path(consent_mw.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"errors"},
    {"core"},
    {
        "catalog",
        "settings",
        "banner_settings",
        "webhook_settings",
        "location_settings",
        "i18n",
        "cldr",
        "config",
        "build",
        "suggest",
        "report",
        "regimes",
        "jurisdiction",
        "lint",
        "lint_texts",
        "policy_diff",
        "succession",
    },
    {"enforce"},
    {"ledger"},
    {"web"},
    {"cli", "consent_mw", "__main__", "logs"},
]
"""From the ground up. A module imports from its own floor and those below."""

NOT_BELOW = {
    "core": {"time", "os", "io", "starlette", "asyncio", "anyio"},
    "enforce": {"starlette"},
    "ledger": {"starlette"},
}
"""What a floor knows nothing of: the core no clock and no I/O, none below ``web`` the framework."""

MAX_LINES = 300
LONGER: dict[str, str] = {}
"""Files over the limit, each with the reason why it is one thing all the same."""


MAX_FUNCTION_LINES = 45
"""Signature and docstring included: what fits on a screen."""


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def _floor(module: str) -> int:
    """Of ``core.cookies``; the package itself stands on top."""
    top = module.partition(".")[0] or "consent_mw"
    top = "cli" if top.startswith("cli_") else top
    found = [height for height, names in enumerate(FLOORS) if top in names]
    assert found, f"{top} stands on no floor: add it to FLOORS"
    return found[0]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_go_down_only(path: Path) -> None:
    own = _floor("consent_mw" if path.parent == PACKAGE and path.stem == "__init__" else _name(path))
    for imported in _imports(path):
        if imported.partition(".")[0] == "consent_mw":
            assert _floor(imported.partition(".")[2]) <= own, f"{_name(path)} imports {imported} from a floor above"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_floor_knows_nothing_of_what_is_above_it(path: Path) -> None:
    unknown = NOT_BELOW.get(_name(path).partition(".")[0], set())
    assert unknown.isdisjoint(imported.partition(".")[0] for imported in _imports(path))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_says_what_it_is_and_fits_in_a_head(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if path.stem == "__init__" and path.parent != PACKAGE:
        assert source == "", "the one facade is consent_mw/__init__.py"
        return
    assert ast.get_docstring(ast.parse(source)), "no docstring"
    lines = source.count("\n")
    assert (lines > MAX_LINES) == (_name(path) in LONGER), f"{lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name}: {lines} lines"


def test_what_is_public_is_sorted_and_can_be_imported() -> None:
    assert consent_mw.__all__ == sorted(consent_mw.__all__)
    for name in consent_mw.__all__:
        assert getattr(consent_mw, name).__doc__, name
    facade = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in facade.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(consent_mw.__all__)


def test_every_test_folder_of_a_floor_has_its_floor() -> None:
    tests = Path(__file__).parent
    for folder in ("core", "catalog", "enforce", "ledger", "web"):
        assert (PACKAGE / folder).is_dir()
        assert not (tests / folder / "__init__.py").exists(), "tests are no package"


def test_the_type_marker_and_the_banners_files_are_shipped() -> None:
    import tomllib

    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert (PACKAGE / "py.typed").exists()
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"static/banner": "consent_mw/static/banner"}

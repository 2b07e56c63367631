"""``make assets``: ``static/banner/NAME.js`` and the modules it imports become ``NAME.min.js``, which is served.

One program, joined by esbuild, with short names by terser, so that installing the package needs no Node. The first line
says which sources it was made from: a test compares, and the line is taken out when the file is served.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRIES = sorted(path for path in (ROOT / "static" / "banner").glob("*.js") if not path.name.endswith(".min.js"))
TOOLS = ROOT / "node_modules"
JOIN = (TOOLS / "esbuild" / "bin" / "esbuild", "--bundle", "--format=iife", "--target=es2022", "--charset=utf8")
# without the types' settings, which would add "use strict"
JOIN += ("--tsconfig-raw={}", "--log-level=warning", "--minify-syntax")
SHORTEN = (TOOLS / "terser" / "bin" / "terser", "--compress", "passes=3", "--mangle", "--ecma", "2022")


def digest(entry: Path) -> str:
    """Of a program's sources: its entry, and the modules in the folder of the same name."""
    parts = sorted(entry.with_suffix("").glob("*.js"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in (entry, *parts))).hexdigest()


def _node(*command: str | Path, given: str = "") -> str:
    return subprocess.run(["node", *command], check=True, input=given, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    for entry in ENTRIES:
        made = _node(*SHORTEN, given=_node(JOIN[0], entry, *JOIN[1:]))
        head = f"// Made from {entry.name}, sha256 {digest(entry)}. Do not edit; run: make assets\n"
        entry.with_suffix(".min.js").write_text(head + made.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""``make assets``: ``static/banner/NAME.js`` becomes ``NAME.min.js``, which is served.

The same program with short names, made by terser, so that installing the package needs no Node. The first line says
which source it was made from: a test compares, and the line is taken out when the file is served.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
TERSER = ROOT / "node_modules" / ".bin" / "terser"
OPTIONS = ("--compress", "passes=3", "--mangle", "--ecma", "2022")


def main() -> None:
    for source in sorted((ROOT / "static" / "banner").glob("*.js")):
        if source.name.endswith(".min.js"):
            continue
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        made = subprocess.run([TERSER, source, *OPTIONS], check=True, capture_output=True, text=True)
        head = f"// Made from {source.name}, sha256 {digest}. Do not edit; run: make assets\n"
        source.with_suffix(".min.js").write_text(head + made.stdout.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Puts the figures of a run into the pages that show them, between their marks, and says what it ran on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")


def put(name: str, text: str) -> None:
    """Replace what stands between `<!-- name: ... -->` and `<!-- /name -->` in every page that has them."""
    between = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)", re.S)
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        page.write_text(between.sub(lambda m: f"{m[1]}\n{text.strip()}\n\n{m[2]}", before), encoding="utf-8")


def machine() -> str:
    """What it ran on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {platform.system()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []

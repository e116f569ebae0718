"""Writes the tables of faults into docs/sandbox.md, between their marks, from the catalogue of the sandbox.

`python docs/generate_sandbox.py --check` writes nothing and exits 1 if the page is out of step.
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path(__file__).with_name("sandbox.md")
SIDES = ("servicenow", "jira")


def table(side: str) -> str:
    """One side's faults: name, what real systems do, who says so."""
    from tieline.connectors.sandbox.faults import CATALOGUE

    rows = [f"| `{fault.name}` | {fault.does} | {fault.source} |" for fault in CATALOGUE[side]]
    return "\n".join(["| fault | what real systems do | source |", "|---|---|---|", *rows])


def page(text: str) -> str:
    """The page with its tables as the catalogue has them now."""
    for side in SIDES:
        start, end = f"<!-- faults: {side} -->", f"<!-- end of faults: {side} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n\n{table(side)}\n\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit code."""
    text = PAGE.read_text(encoding="utf-8")
    if arguments == ["--check"]:
        return 0 if page(text) == text else 1
    PAGE.write_text(page(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Writes docs/policy-findings.md from the pages of the policy's findings, so that the two cannot disagree.

`python docs/generate_policy.py --check` writes nothing and exits 1 if the page is out of step.
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path(__file__).with_name("policy-findings.md")

HEAD = """\
# Findings about a policy

This page is written by `make docs` from the program itself; `tieline policy rule TL0xx` prints one
entry. Each example is run by the tests: the first shows the finding, the second does not.

Errors and warnings make `tieline policy check` exit 1; remarks (info) do so with `--strict`. A comment
`# tieline: ignore TL0xx reason` silences a code on its line, on the line below, or in the table whose
header it stands beside or above.

| code | severity | finding |
|---|---|---|
"""


def page() -> str:
    """The whole page, as Markdown."""
    from tieline.sync.policy.pages import PAGES, text

    rows = [f"| [{p.code}](#{p.code.lower()}) | {p.severity} | {p.title} |" for p in PAGES.values()]
    return HEAD + "\n".join(rows) + "\n\n" + "\n".join(text(entry) for entry in PAGES.values())


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit code."""
    text = page()
    if arguments == ["--check"]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

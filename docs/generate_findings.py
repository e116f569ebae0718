"""Writes docs/doctor.md from the codes of `tieline doctor`, so that the page names each of them and no other.

`python docs/generate_findings.py --check` writes nothing and exits 1 if the page is out of step.
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path(__file__).with_name("doctor.md")

HEAD = """\
# Doctor

This page is written by `make docs` from the program itself. `tieline doctor --explain CODE` shows a part of it.

`tieline doctor` asks both live systems about themselves and compares that with the configuration. It sends reads
only. It looks at who we are there, the clocks, the rate limits that answers tell, the account's rights as far as they
are visible without writing, each mapped field (there, readable, of a fitting type and length, on the screens), each
mapped value (in the list of its side), the workflow as issues show it, the marker, and what real systems do in
silence (journals not shown, query terms dropped, a search index that lags).

An **error** will not work, a **warning** will be held, cut or missed, a **note** is good to know. The exit code is 1 for
an error, 3 for a warning, 0 otherwise. With `--json` each finding has `code`, `severity`, `title`, `where`, `what`,
`meaning` and `remedy`.

What it cannot see: whether ServiceNow lets the account write (it tells only when one tries), transitions out of
statuses in which no issue stands, and rules that act on a write (data policies, business rules, validators).
"""


def page() -> str:
    """The whole page, as Markdown."""
    from tieline.sync.setup.findings import KINDS

    table = [f"| [{k.code}](#{k.code.lower()}) | {k.severity} | {k.title} |" for k in KINDS.values()]
    parts = [HEAD, "| code | weight | what |\n|---|---|---|\n" + "\n".join(table) + "\n"]
    parts += [
        f"## {kind.code}\n\n**{kind.title}** ({kind.severity}). {kind.meaning}\n\nWhat to do: {kind.remedy}\n"
        for kind in KINDS.values()
    ]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit code."""
    if arguments == ["--check"]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

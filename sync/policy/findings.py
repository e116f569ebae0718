"""What the check of a policy found: findings with place and remedy, which count and which are ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from tieline.sync.policy.model import Spot

Severity = Literal["error", "warning", "info"]
UNUSED_IGNORE: Final = "TL023"
UNDECIDED: Final = "TL099"

_IGNORE: Final = re.compile(r"#\s*tieline:\s*ignore\s+(TL\d{3}(?:\s*,\s*TL\d{3})*)\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark about a policy: its code, how grave it is, where, what, why it matters, and what to do."""

    code: str
    severity: Severity
    spot: Spot
    what: str
    why: str
    remedy: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.spot}: {self.severity} {self.code}: {self.what} ({self.why}) -> {self.remedy}"


@dataclass(frozen=True, slots=True)
class Report:
    """The findings that stand, those that a comment in the file ignores, and what could not be decided."""

    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...] = ()
    undecided: tuple[Finding, ...] = ()
    files: tuple[str, ...] = ()
    rules: int = 0
    tests: int = 0

    def counting(self, strict: bool) -> list[Finding]:
        """Those that make the check fail: errors and warnings; all of them if `strict`."""
        return [f for f in self.findings if strict or f.severity != "info"]


@dataclass(frozen=True, slots=True)
class Ignore:
    """A comment that ignores codes on some lines of a file (from, to), with the reason it gives."""

    codes: frozenset[str]
    reason: str
    spot: Spot
    first: int
    last: int

    def covers(self, finding: Finding) -> bool:
        """Whether it ignores the finding."""
        same_file = finding.spot.file == self.spot.file
        return same_file and finding.code in self.codes and self.first <= finding.spot.line <= self.last


def ignores(file: str, text: str) -> list[Ignore]:
    """The comments of a file: for a line beside or below it; for a whole table if that is its header."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        match = _IGNORE.search(line)
        if match is None:
            continue
        target = number
        while target <= len(lines) and lines[target - 1].lstrip()[:1] in ("#", ""):
            target += 1
        codes = frozenset(code.strip() for code in match[1].split(","))
        spot = Spot(file, number, match.start() + 1)
        found.append(Ignore(codes, match[2].strip(), spot, number, _end(lines, target)))
    return found


def _end(lines: Sequence[str], target: int) -> int:
    """The last line of the table whose header stands on line `target`; the line itself if it is no header."""
    if target > len(lines) or not lines[target - 1].lstrip().startswith("["):
        return target
    later = (n for n in range(target + 1, len(lines) + 1) if lines[n - 1].startswith("["))
    return next(later, len(lines) + 1) - 1


def sift(
    found: Iterable[Finding], texts: Mapping[str, str], select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> tuple[list[Finding], list[Finding]]:
    """The findings that stand, and those that comments ignore; codes are named by how they begin."""
    wanted = [f for f in found if _named(f.code, select, True) and not _named(f.code, ignore, False)]
    comments = [entry for file, text in texts.items() for entry in ignores(file, text)]
    standing: list[Finding] = []
    ignored: list[Finding] = []
    used: set[Ignore] = set()
    for finding in sorted(wanted, key=lambda f: (f.spot, f.code, f.what)):
        covering = [entry for entry in comments if entry.covers(finding) and entry.reason]
        used |= set(covering)
        (ignored if covering else standing).append(finding)
    if _named(UNUSED_IGNORE, select, True) and not _named(UNUSED_IGNORE, ignore, False):
        standing += [_unused(entry) for entry in comments if entry not in used and not (select or ignore)]
    return standing, ignored


def _named(code: str, prefixes: Sequence[str], if_none: bool) -> bool:
    return any(code.startswith(prefix) for prefix in prefixes) if prefixes else if_none


def _unused(entry: Ignore) -> Finding:
    codes = ", ".join(sorted(entry.codes))
    what = f"this comment ignores {codes}, and there is nothing of the kind here"
    remedy = "remove the comment"
    if not entry.reason:
        what, remedy = f"this comment ignores {codes} and gives no reason", "write the reason behind the code"
    return Finding(UNUSED_IGNORE, "warning", entry.spot, what, "it would hide a later mistake", remedy)


def moved(finding: Finding, severity: Severity) -> Finding:
    """The same finding, graver or less grave."""
    return replace(finding, severity=severity)

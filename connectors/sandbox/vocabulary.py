"""Finds in an event log what an instance must know before the log can be replayed on it.

It derives lists of choices, people and groups, and the priority matrix; it reads and writes nothing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.sandbox.eventlog import Row

Matrix = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
"""Priority by impact (rows 1 to 3) and urgency (columns 1 to 3)."""

STOCK_MATRIX: Final[Matrix] = ((1, 2, 3), (2, 3, 4), (3, 4, 5))
"""ServiceNow's own priority data lookup rules."""

DEFAULT_RESOLUTION: Final = "Done"
_RESOLUTIONS: Final = ("Workaround", "Won't Do", "Done", "Done")
"""The log's close codes are numbers without a meaning; by their remainder they get one of each kind."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row whose priority is not what the log's own matrix gives for its impact and urgency."""

    line: int
    impact: str
    urgency: str
    priority: str
    expected: int

    def __str__(self) -> str:
        return (
            f"line {self.line}: impact {self.impact} and urgency {self.urgency} stand with priority "
            f"{self.priority}; elsewhere the log gives them {self.expected}"
        )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every value that the log uses, sorted, without null; and how it computes a priority."""

    categories: tuple[str, ...]
    subcategories: tuple[str, ...]
    groups: tuple[str, ...]
    resolvers: tuple[str, ...]
    callers: tuple[str, ...]
    writers: tuple[str, ...]
    close_codes: tuple[str, ...]
    matrix: Matrix
    contradictions: tuple[Contradiction, ...]
    problems: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def resolutions(self) -> Mapping[str, str]:
        """The Jira resolution that stands for each close code."""
        return {code: resolution_of(code) for code in self.close_codes}


def observe(rows: Sequence[Row]) -> Vocabulary:
    """The vocabulary of these rows."""
    matrix, contradictions = observed_matrix(rows)
    return Vocabulary(
        categories=_values(rows, "category"),
        subcategories=_values(rows, "subcategory"),
        groups=_values(rows, "assignment_group"),
        resolvers=_values(rows, "assigned_to"),
        callers=_values(rows, "caller_id"),
        writers=tuple(sorted({row.by for row in rows if row.by and row.by != "?"})),
        close_codes=_values(rows, "closed_code"),
        matrix=matrix,
        contradictions=contradictions,
        problems=_values(rows, "problem_id"),
        changes=tuple(sorted({*_values(rows, "rfc"), *_values(rows, "caused_by")})),
    )


def observed_matrix(rows: Iterable[Row]) -> tuple[Matrix, tuple[Contradiction, ...]]:
    """The matrix that most rows agree with, stock where the log shows nothing; and the rows that disagree."""
    seen: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    judged = [row for row in rows if row["impact"] in "123" and row["urgency"] in "123" and row["priority"]]
    for row in judged:
        seen[row["impact"], row["urgency"]][row["priority"]] += 1
    cells = {pair: int(max(counts, key=lambda p: (counts[p], p))) for pair, counts in seen.items()}
    first, second, third = (
        tuple(cells.get((str(i), str(u)), STOCK_MATRIX[i - 1][u - 1]) for u in (1, 2, 3)) for i in (1, 2, 3)
    )
    contradictions = tuple(
        Contradiction(row.line, row["impact"], row["urgency"], row["priority"], expected)
        for row in judged
        if int(row["priority"]) != (expected := cells[row["impact"], row["urgency"]])
    )
    return (_three(first), _three(second), _three(third)), contradictions


def resolution_of(code: str) -> str:
    """The Jira resolution that stands for a close code such as "code 6"."""
    number = re.search(r"\d+", code)
    return _RESOLUTIONS[int(number[0]) % len(_RESOLUTIONS)] if number else DEFAULT_RESOLUTION


def _values(rows: Iterable[Row], column: str) -> tuple[str, ...]:
    return tuple(sorted({value for row in rows if (value := row[column])}))


def _three(numbers: tuple[int, ...]) -> tuple[int, int, int]:
    one, two, three = numbers
    return one, two, three

"""Reads encoded queries into data; whether a name or value makes sense is decided where they are run.

Source: "Operators available for filters and queries" and "sysparm_query" of the REST API reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

OPERATORS: Final = (
    "NOT LIKE", "NOT IN", "STARTSWITH", "ENDSWITH", "ISNOTEMPTY", "ISEMPTY", "EMPTYSTRING", "ANYTHING",
    "DOES NOT CONTAIN", "CONTAINS", "BETWEEN", "NOTON", "LIKE", "ON", "IN", "!=", "<=", ">=", "=", "<", ">",
)  # fmt: skip

_TERM: Final = re.compile(rf"([a-z0-9_.]+)({'|'.join(OPERATORS)})(.*)", re.DOTALL)
_SEPARATOR: Final = re.compile(r"(?<!\^)\^(?!\^)")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; without an operator it could not be read."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key."""

    field: str
    descending: bool


Clause = tuple[Term, ...]
"""Terms joined by ^OR."""

Group = tuple[Clause, ...]
"""Clauses joined by ^."""


@dataclass(frozen=True, slots=True)
class Query:
    """Groups joined by ^NQ; rows must meet one of them. No group at all means every row."""

    groups: tuple[Group, ...] = ()
    order: tuple[Order, ...] = ()


def parse(encoded: str) -> Query:
    """An encoded query as data. `^OR` binds to the condition before it; `^^` stands for one caret."""
    groups: list[list[list[Term]]] = [[]]
    order: list[Order] = []
    for part in _SEPARATOR.split(encoded):
        word = part.replace("^^", "^")
        if word.startswith("ORDERBY"):
            down = word.startswith("ORDERBYDESC")
            order.append(Order(word.removeprefix("ORDERBYDESC" if down else "ORDERBY").strip(), down))
        elif word.startswith("NQ"):
            groups.append([])
            _add(groups[-1], word[2:], alternative=False)
        elif word.startswith("OR"):
            _add(groups[-1], word[2:], alternative=True)
        elif word not in ("", "EQ") and not word.startswith(("GROUPBY", "TRENDBY")):
            _add(groups[-1], word, alternative=False)
    found = tuple(tuple(tuple(c) for c in g) for g in groups if g)
    return Query(found, tuple(order))


def _add(group: list[list[Term]], text: str, *, alternative: bool) -> None:
    if not text:
        return
    match = _TERM.match(text)
    term = Term(*match.groups()) if match else Term(text, "", "")
    if alternative and group:
        group[-1].append(term)
    else:
        group.append([term])

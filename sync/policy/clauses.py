"""Conditions in disjunctive normal form: a rule holds where one of its clauses holds, whole.

Pure rewriting; what single atoms mean is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from tieline.sync.policy.conditions import AllOf, AnyOf, Atom, Condition, Not

MAX_CLAUSES: Final = 512
"""More alternatives in one rule are refused: they multiply."""

Literal = tuple[Atom, bool]
Clause = frozenset[Literal]
"""Atoms that must hold (True) or must not (False), all together. The empty clause always holds."""


class TooManyAlternatives(ValueError):
    """A condition has more alternatives than one rule may have."""


def clauses(condition: Condition) -> tuple[Clause, ...]:
    """The clauses of a condition, each once; none if it contradicts itself atom by atom."""
    return tuple(dict.fromkeys(_minimal(_clauses(condition, True))))


def _clauses(condition: Condition, positive: bool) -> list[Clause]:
    match condition:
        case Atom():
            return [frozenset({(condition, positive)})]
        case Not(part):
            return _clauses(part, not positive)
        case AllOf(parts) | AnyOf(parts):
            together = isinstance(condition, AllOf) == positive
            below = [_clauses(part, positive) for part in parts]
            return _product(below) if together else [clause for found in below for clause in found]
        case _:
            assert_never(condition)


def _product(factors: Iterable[list[Clause]]) -> list[Clause]:
    product: list[Clause] = [frozenset()]
    for factor in factors:
        joined = (one | two for one in product for two in factor)
        product = [*dict.fromkeys(clause for clause in joined if not _contradicts(clause))]
        if len(product) > MAX_CLAUSES:
            raise TooManyAlternatives(f"more than {MAX_CLAUSES} alternatives")
    return product


def _contradicts(clause: Clause) -> bool:
    return any((atom, not positive) in clause for atom, positive in clause)


def _minimal(found: list[Clause]) -> list[Clause]:
    """Without clauses that ask more than another one does; only where that is cheap to see."""
    if len(found) > 64:
        return found
    return [c for c in found if not any(other < c for other in found)]

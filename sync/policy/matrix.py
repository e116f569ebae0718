"""Priority from impact and urgency (ITIL), and back by the smallest move of the two. Pure."""

from __future__ import annotations

from collections.abc import Collection

from tieline.sync.policy.fields import Cell
from tieline.sync.policy.model import Matrix


def priority_of(matrix: Matrix, impact: Cell, urgency: Cell) -> str | None:
    """The priority of a cell; None where the matrix has none."""
    if not isinstance(impact, str) or not isinstance(urgency, str):
        return None
    return matrix.cells.get((impact, urgency))


def inverse(matrix: Matrix, impact: Cell, urgency: Cell, wanted: Collection[str]) -> tuple[str, str] | None:
    """The cell nearest to (impact, urgency) that yields one of `wanted`, urgency moved first on a tie.

    None if there is no such cell. An unknown level counts as the least grave one.
    """
    here = (_position(matrix.impacts, impact), _position(matrix.urgencies, urgency))
    found = [cell for cell, priority in matrix.cells.items() if priority in wanted]
    if not found:
        return None

    def distance(cell: tuple[str, str]) -> tuple[int, int, tuple[int, int]]:
        there = (_position(matrix.impacts, cell[0]), _position(matrix.urgencies, cell[1]))
        by_impact, by_urgency = abs(there[0] - here[0]), abs(there[1] - here[1])
        return by_impact + by_urgency, by_impact, there

    return min(found, key=distance)


def bounded(
    matrix: Matrix, impact: Cell, urgency: Cell, least: str | None, most: str | None
) -> tuple[str, str] | None:
    """The cell to move to so that the priority is at least `least` and at most `most`; None to stay.

    Priorities are graver the earlier they stand in the matrix's list. A floor wins over a ceiling.
    """
    order, now = matrix.priorities, priority_of(matrix, impact, urgency)
    if now is None or now not in order:
        return None
    position, floor, ceiling = order.index(now), len(order), -1
    if least in order:
        floor = order.index(least)
    if most in order:
        ceiling = min(order.index(most), floor)
    if ceiling <= position <= floor:
        return None
    nearest = order[floor] if position > floor else order[ceiling]
    inside = order[max(ceiling, 0) : floor + 1]
    return inverse(matrix, impact, urgency, (nearest,)) or inverse(matrix, impact, urgency, inside)


def _position(levels: tuple[str, ...], level: Cell) -> int:
    return levels.index(level) if isinstance(level, str) and level in levels else len(levels) - 1

"""How often an issue went on beside its closed incident, by what both sides show: the engine is not asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.simulation.world import Who
from tieline.connectors.base import Side, Value

ENDED = ("Resolved", "Closed")

Step = tuple[int, Side, Who, Mapping[str, Value]]
"""When (its place in the log), on which side, and by whom a record's status came to hold these values."""


def times_apart(steps: Iterable[Step]) -> int:
    """In how many stretches, the incident closed and the issue not, somebody moved the issue.

    Somebody who is not the engine, in the stretch or by beginning it. The stretch in which the engine only
    carries the end over to Jira is none.
    """
    shown: dict[Side, Mapping[str, Value]] = {"servicenow": {}, "jira": {}}
    number, counted = 0, False
    for _, side, who, values in sorted(steps, key=lambda step: step[0]):
        shown[side] = values
        apart = shown["servicenow"].get("state") == "7" and shown["jira"].get("status") not in ENDED
        moved = apart and side == "jira" and who != "tieline"
        number += moved and not counted
        counted = apart and (counted or moved)
    return number

"""How often an issue went on beside its closed incident, by what both sides show: the engine is not asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tests.simulation.world import Who
from tieline.connectors.base import Side, Value

ENDED = ("Resolved", "Closed")

Step = tuple[int, Side, Who, Mapping[str, Value]]
"""When (its place in the log), on which side, and by whom a record's status came to hold these values."""


def times_apart(steps: Iterable[Step], looks: Collection[int]) -> int:
    """In how many stretches, the incident closed and the issue not, somebody had moved the issue.

    Somebody who is not the engine, in the stretch, by beginning it, or so shortly before that no whole pass
    looked at the issue in between: which of the two was first nothing tells. `looks` are the places in the
    log at which one did. The stretch in which the engine only carries the end over to Jira is none.
    """
    shown: dict[Side, Mapping[str, Value]] = {"servicenow": {}, "jira": {}}
    number, counted, moved = 0, False, -1
    for at, side, who, values in sorted(steps, key=lambda step: step[0]):
        shown[side] = values
        if side == "jira":
            moved = -1 if who == "tieline" else at
        apart = shown["servicenow"].get("state") == "7" and shown["jira"].get("status") not in ENDED
        news = apart and moved >= 0 and not any(moved <= look < at for look in looks)
        number += news and not counted
        counted = apart and (counted or news)
    return number

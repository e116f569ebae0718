"""Holds back the closing of incidents that lack what a rule of closure asks for. Pure: nothing is written.

Which are held is remembered by `followup`; here is what a plan makes of it. What only a closing would change
stays as it is on the other side, as an open Conflict that says why: deciding it by hand is an override.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tieline.connectors.base import SIDES, Side, Values, no_values
from tieline.sync.decide import Context, Verdict
from tieline.sync.groups import StatusUnit
from tieline.sync.model import Conflict, Pair, Snapshot

CLOSED: Final = frozenset({"7"})
"""The state in which an incident of ServiceNow is closed for good; before it, it is resolved."""


def held_key(pair: Pair) -> str:
    """The small fact that the closing of a pair is held back; it holds why."""
    return f"links.held:{pair.id}"


def kept_open(verdicts: Iterable[Verdict], snapshot: Snapshot, context: Context) -> list[Verdict]:
    """The verdicts, without the closing of an incident that is held back."""
    why = context.held.get(snapshot.pair.id, "")
    if not why:
        return list(verdicts)
    return [
        _held(v.unit, snapshot, why) if isinstance(v.unit, StatusUnit) and _closes(v, v.unit, snapshot) else v
        for v in verdicts
    ]


def _closes(verdict: Verdict, unit: StatusUnit, snapshot: Snapshot) -> bool:
    """Whether one side would be closed by this, and not by what a person has decided."""
    if any(c.unit == unit.name and c.open and c.choice is not None for c in snapshot.conflicts):
        return False
    return any(
        verdict.changed(snapshot, side)
        and is_final(unit, side, verdict.values[side])
        and not is_final(unit, side, snapshot.record(side).values)
        for side in SIDES
    )


def is_final(unit: StatusUnit, side: Side, values: Values) -> bool:
    """Whether this means closed, and never merely resolved."""
    class_ = unit.status_class(side, values)
    members = frozenset() if class_ is None else unit.map.members(class_, "servicenow")
    states = {token.partition("/")[0] for token in members}
    return bool(states) and states <= CLOSED


def _held(unit: StatusUnit, snapshot: Snapshot, why: str) -> Verdict:
    reason = f"{unit.name}: closing is held back, {why}"
    now = {side: unit.own(side, snapshot.record(side).values) for side in SIDES}
    conflict = Conflict(
        snapshot.pair.id, unit.name, "rule", now["servicenow"], now["jira"], reason, snapshot.at, open=True
    )
    standing = next((c for c in snapshot.conflicts if c.unit == unit.name and c.open), None)
    if standing is not None:
        conflict = replace(conflict, id=standing.id, at=standing.at)
    base = snapshot.pair.base.unit(unit.name)
    return Verdict(unit, {side: no_values() for side in SIDES}, base, reason, conflict)

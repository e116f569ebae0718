"""What a side takes back in the very write that carries it, where a rule of the policy wanted it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tieline.connectors.base import Side
from tieline.sync.merge import moved_by
from tieline.sync.model import UNDO, Conflict, Step

if TYPE_CHECKING:
    from tieline.sync.work import Work


def undone(
    work: Work, step: Step, side: Side, fields: Mapping[str, str], at: datetime
) -> tuple[Conflict, ...]:
    """An open Conflict for each unit of which a rule's value did not stay; none if that is not all of it.

    `fields` are those that a side left as they were, with what it did to them. Nor is there one of what a
    person moved as well: the rule is asked again as long as that stands, so it cannot be held.
    """
    found, explained = [], set[str]()
    for unit in work.vocabulary.units:
        mine = fields.keys() & set(unit.fields(side))
        base = step.bases.get(unit.name)
        dealt = base.of(side) if mine and base is not None else None
        if dealt is None or dealt.origin != "rule" or not dealt.rule or dealt.rule.startswith(UNDO):
            continue
        if True in moved_by(unit, work.pair.base.unit(unit.name), work.records.values()):
            return ()
        explained |= mine
        why = next((why for why in step.why if why.startswith(f"{unit.name}:")), f"rule {dealt.rule}")
        words = "; ".join(f"{name}: {fields[name]}" for name in sorted(mine))
        reason = f"{why}: {side} undoes it at once, or its account may not write it ({words})"
        own = {s: unit.own(s, record.values) for s, record in work.records.items()}
        found.append(
            Conflict(
                work.pair.id, unit.name, "flapping", own.get("servicenow", {}), own.get("jira", {}), reason,
                at, open=True,
            )
        )  # fmt: skip
    return tuple(found) if explained == fields.keys() else ()

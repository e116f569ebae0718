"""What becomes of a rule's orders in a pass: a hold, notes to people, and what is remembered. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from tieline.connectors.base import AddNote
from tieline.sync.model import Base, Pair, Park, Snapshot, Step, UnitBase
from tieline.sync.parking import BY_RULE
from tieline.sync.policy.applied import Applied
from tieline.sync.policy.memory import MEMORY, NOTHING, Memory, mark_of, remembered
from tieline.sync.policy.model import Policy


def pair_key(pair: Pair) -> str:
    """The key of the pair's park."""
    return f"p:{pair.id}"


def place_of(policy: Policy, rule: str) -> str:
    """A rule with its file and line, as people quote it."""
    entry = policy.rule(rule)
    return f"rule {rule}" if entry is None else f"rule {rule} ({entry.spot.short})"


def held(policy: Policy, applied: Applied, memory: Memory, key: str, at: datetime) -> Park | None:
    """Why nothing is written until a person has looked; None where no rule wants that, or one lifted it."""
    if applied.hold is None or mark_of(*applied.hold) in memory.released:
        return None
    rule, reason = applied.hold
    return Park(key, BY_RULE, f"{place_of(policy, rule)}: {reason}", at, None)


def mark_in(detail: str) -> str:
    """What a person leaves behind who lifts the hold that a park tells of; "" if it tells of none."""
    told = re.fullmatch(r"rule (.+?) \(.+?:\d+\): (.*)", detail, re.DOTALL)
    return "" if told is None else mark_of(told[1], told[2])


def lifted(base: Base, mark: str, at: datetime, *, fresh: bool = False) -> Base:
    """The Base of a pair once a person lifted a hold: that rule does not hold it again for that reason.

    `fresh`: the pair is made only now.
    """
    memory = remembered(base.unit(MEMORY)) or NOTHING
    memory = replace(memory, released=memory.released | {mark}, fresh=fresh or memory.fresh)
    return replace(base, units=MappingProxyType({**base.units, MEMORY: memory.entry(at)}))


def knowing(base: Base, closed: Base, at: datetime) -> Base:
    """The Base of a child that continues a closed incident: what people said about that stays said."""
    memory = remembered(closed.unit(MEMORY)) or NOTHING
    return with_heard(base, memory.heard, at, Memory(fresh=True)) if memory.heard else base


def with_heard(base: Base, marks: frozenset[str], at: datetime, new: Memory = NOTHING) -> Base:
    """The Base that knows these answers too; `new` is what is remembered where nothing was."""
    memory = remembered(base.unit(MEMORY)) or new
    memory = replace(memory, heard=memory.heard | marks)
    return replace(base, units=MappingProxyType({**base.units, MEMORY: memory.entry(at)}))


def kept(before: UnitBase, memory: Memory, at: datetime) -> Mapping[str, UnitBase]:
    """The entry of the Base, if it is another one now."""
    entry = memory.entry(at)
    return MappingProxyType({} if entry.servicenow == before.servicenow else {MEMORY: entry})


def settled(policy: Policy, memory: Memory, applied: Applied) -> Memory:
    """What is remembered once the policy has come to rest: the flags, and that it has."""
    flags = {n for n, v in applied.values.items() if v is True and policy.kind(n) == "flag"}
    return replace(memory, flags=frozenset(flags), fresh=False)


def without_old_news(memory: Memory, applied: Applied) -> Memory:
    """An incident that is older than the policy, or whose state was rebuilt: nobody is told now."""
    for note in applied.notes:
        for side in note.sides:
            memory = memory.with_told(note, side)
    return memory


def note_steps(
    policy: Policy, applied: Applied, memory: Memory, snapshot: Snapshot
) -> tuple[tuple[Step, ...], Memory]:
    """An internal note for each thing that a rule says and that was not said yet, on each of its sides.

    With what is remembered after the last of them.
    """
    steps: list[Step] = []
    for note in applied.notes:
        for side in note.sides:
            if memory.has_told(note, side):
                continue
            memory = memory.with_told(note, side)
            text = f"{note.text}\n\nTieline: rule {note.rule}"
            why = f"note: {place_of(policy, note.rule)}"
            bases = {MEMORY: memory.entry(snapshot.at)}
            steps.append(Step(AddNote(snapshot.record(side).ref, text), (why,), bases))
    return tuple(steps), memory

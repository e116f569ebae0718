"""Fields of one side only that rules set: a flag, a watch list, whatever nobody mirrors. Pure.

A rule gives such a field a value once; what people make of it afterwards stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tieline.connectors.base import SIDES, Side, Update, Value
from tieline.sync.mapping import Unit
from tieline.sync.model import Snapshot, Step
from tieline.sync.policy.applied import Applied
from tieline.sync.policy.bridge import fields_of
from tieline.sync.policy.fields import Cell
from tieline.sync.policy.memory import MEMORY, Memory
from tieline.sync.policy.model import Policy
from tieline.sync.policy.orders import place_of
from tieline.sync.policy.sources import is_writable, is_written


def own_steps(
    policy: Policy, applied: Applied, units: Sequence[Unit], memory: Memory, snapshot: Snapshot
) -> tuple[tuple[Step, ...], Memory]:
    """The writes of such fields, and what is remembered after the last of them; each brings its own part."""
    mirrored = {name for unit in units for name in fields_of(unit)}
    steps: list[Step] = []
    for name, rule, value in _wanted(applied):
        if name in mirrored or not is_written(policy, name):
            continue
        for side in SIDES:
            column, record = policy.sources[name].of(side), snapshot.record(side)
            before = record.values.get(column)
            own = _own(policy, name, side, value, before)
            mark = f"{name}@{side}={_text(own)}"
            if not is_writable(column) or own == before or mark in memory.given:
                continue
            is_set = isinstance(own, frozenset)
            kept = {m for m in memory.given if is_set or not m.startswith(f"{name}@{side}=")}
            memory = replace(memory, given=frozenset(kept | {mark}))
            update = Update(record.ref, {column: own}, {column: before}, record.version)
            why = f"{name}: {place_of(policy, rule)}"
            steps.append(Step(update, (why,), {MEMORY: memory.entry(snapshot.at)}))
    return tuple(steps), memory


def _wanted(applied: Applied) -> Iterator[tuple[str, str, Cell]]:
    """Field, rule and value: what rules set now, or say of a field that has it on one side already.

    Of a set only what is added.
    """
    for name, change in applied.changes.items():
        new, old = change.new, change.old
        if isinstance(new, frozenset) and isinstance(old, frozenset):
            new -= old
        yield name, change.rule, new
    for name, rule in applied.speaks.items():
        value = applied.values.get(name)
        if name not in applied.changes and name not in applied.left and not isinstance(value, frozenset):
            yield name, rule, value


def _text(value: Value) -> str:
    return " ".join(sorted(value)) if isinstance(value, frozenset) else value or ""


def _own(policy: Policy, name: str, side: Side, value: Cell, before: Value) -> Value:
    """A value as the side calls it; elements are added to what is there."""
    terms = {term.name: term for term in policy.vocabulary.get(name, ())}

    def named(word: str) -> str:
        return terms[word].own(side)[0] if word in terms else word

    match value:
        case frozenset():
            there = before if isinstance(before, frozenset) else frozenset[str]()
            return there | frozenset(named(word) for word in value) or None
        case bool():
            return named("true") if value else _not_set(named("false"), before)
        case str():
            return named(value)
        case _:
            return None


def _not_set(word: str, before: Value) -> Value:
    """A flag that is not set stays empty where it is."""
    return before if before is None else word

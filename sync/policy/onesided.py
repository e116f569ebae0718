"""Fields of one side only that rules set: a flag, a watch list, whatever nobody mirrors. Pure.

A rule gives such a field a value once; what people make of it afterwards stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from tieline.connectors.base import SIDES, Side, Update, Value, Version
from tieline.sync.mapping import Unit
from tieline.sync.model import Snapshot, Step
from tieline.sync.policy.applied import Applied, Change
from tieline.sync.policy.bridge import fields_of
from tieline.sync.policy.memory import MEMORY, Memory
from tieline.sync.policy.model import Policy
from tieline.sync.policy.orders import place_of
from tieline.sync.policy.sources import PEOPLE, is_writable, is_written

Account = Callable[[Side, str], str]
"""An e-mail address to the account that a side has for it; the address itself where it has none."""


def own_steps(
    policy: Policy,
    applied: Applied,
    units: Sequence[Unit],
    memory: Memory,
    snapshot: Snapshot,
    written: Collection[Side],
    account: Account,
) -> tuple[Step, ...]:
    """The write of such fields on each side; each brings what is remembered then.

    `written` are the sides that are written before, so that their versions tell nothing any more. `account`
    finds a person by e-mail address where a side holds accounts.
    """
    mirrored = {name for unit in units for name in fields_of(unit)}
    claimed = {
        name: rule
        for name, rule in {**_flags(policy, applied, memory), **_claimed(applied)}.items()
        if name not in mirrored and is_written(policy, name)
    }
    steps: list[Step] = []
    for side in SIDES if claimed else ():
        record = snapshot.record(side)
        values: dict[str, Value] = {}
        whys: list[str] = []
        for name, rule in claimed.items():
            column = policy.sources[name].of(side)
            before = record.values.get(column)
            if is_writable(column):
                named = _naming(policy, name, side, account)
                own, given = _own(policy, name, side, applied, before, memory.given, named)
                if own != before:
                    memory, values[column] = replace(memory, given=given), own
                    whys.append(f"{name}: {place_of(policy, rule)}")
        if values:
            seen = Version("") if side in written else record.version
            update = Update(record.ref, values, {name: record.values.get(name) for name in values}, seen)
            steps.append(Step(update, tuple(whys), {MEMORY: memory.entry(snapshot.at)}))
    return tuple(steps)


def _flags(policy: Policy, applied: Applied, memory: Memory) -> dict[str, str]:
    """Flags that were written before, with a rule that makes them what they are: both sides show it."""
    shown = {mark.partition("@")[0] for mark in memory.given}
    return {
        a.field: rule.id
        for rule in reversed(policy.rules)
        for a in rule.sets
        if a.field in shown and a.value is bool(applied.values.get(a.field))
    }


def _claimed(applied: Applied) -> dict[str, str]:
    """Fields that rules set now, or speak for, with the rule; without those that they leave alone."""
    speaks = {name: rule for name, rule in applied.speaks.items() if name not in applied.left}
    return {**speaks, **{name: change.rule for name, change in applied.changes.items()}}


def _naming(policy: Policy, name: str, side: Side, account: Account) -> Callable[[str], str]:
    """What a side calls a value: as the vocabulary says, and a person by account where it holds accounts."""
    terms = {term.name: term for term in policy.vocabulary.get(name, ())}
    has_accounts = policy.sources[name].of(side) in PEOPLE

    def named(word: str) -> str:
        own = terms[word].own(side)[0] if word in terms else word
        return account(side, own) if has_accounts and "@" in own else own

    return named


def _own(
    policy: Policy,
    name: str,
    side: Side,
    applied: Applied,
    before: Value,
    given: frozenset[str],
    named: Callable[[str], str],
) -> tuple[Value, frozenset[str]]:
    """What the side is to hold, and what is remembered then; as it was where a rule gave it that before.

    `named` is what the side calls a value.
    """
    mark, change = f"{name}@{side}=", applied.changes.get(name)
    if policy.kind(name) == "set":
        new, old = (frozenset[str](), frozenset[str]()) if change is None else _elements(change)
        added = {named(word) for word in new - old} - {m.removeprefix(mark) for m in given}
        off = {named(word) for word in old - new}
        there = before if isinstance(before, frozenset) else frozenset[str]()
        kept = {m for m in given if not (m.startswith(mark) and m.removeprefix(mark) in off)}
        return (there | added) - off or None, frozenset(kept | {mark + word for word in added})
    value = applied.values.get(name)
    wanted: Value = named(value) if isinstance(value, str) else None
    if policy.kind(name) == "flag":
        wanted = named("true") if value else _not_set(named("false"), before)
    if f"{mark}{wanted}" in given:
        return before, given
    return wanted, frozenset({m for m in given if not m.startswith(mark)} | {f"{mark}{wanted}"})


def _elements(change: Change) -> tuple[frozenset[str], frozenset[str]]:
    """The elements after a change, and before."""
    new, old = change.new, change.old
    return (
        new if isinstance(new, frozenset) else frozenset(),
        old if isinstance(old, frozenset) else frozenset(),
    )


def _not_set(word: str, before: Value) -> Value:
    """A flag that is not set stays empty where it is."""
    return before if before is None else word

"""Findings about rules: unreachable, impossible, contradicting, flipping, never due. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from tieline.sync.policy.clauses import Literal, clauses
from tieline.sync.policy.conditions import Condition, Moment, atoms, holds
from tieline.sync.policy.evaluate import Engine, Standing
from tieline.sync.policy.fields import Cell, Record
from tieline.sync.policy.findings import UNDECIDED, Finding, Severity
from tieline.sync.policy.model import Bound, Policy, Rule
from tieline.sync.policy.regions import Regions
from tieline.sync.policy.space import NOW, Box

MAX_OPPONENTS: Final = 3
"""Rules that one finding about a contradiction names."""
MAX_TRIES: Final = 3_000
"""Incidents that are tried in the search for rules that flip."""


def check_rules(policy: Policy, regions: Regions, engine: Engine) -> Iterator[Finding]:
    """Everything that the conditions and values of rules say about each other."""
    samples = {number: regions.sample(number) for number in range(len(regions.entries))}
    yield from _impossible(regions, samples)
    yield from _unreachable(policy, regions, engine, samples)
    yield from _contradicting(policy, regions)
    yield from _flipping(policy, regions, engine, samples)
    yield from _bounds(policy, regions)
    yield from _never_due(policy)


def told(record: Record) -> str:
    """An incident as an example for people."""
    parts = [f"{name} = {_shown(value)}" for name, value in sorted(record.items())]
    return f"e.g. {', '.join(parts)}" if parts else "e.g. an incident with nothing filled in"


def _shown(value: Cell) -> str:
    match value:
        case frozenset():
            return repr(sorted(value))
        case datetime():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case _:
            return repr(value)


def _impossible(regions: Regions, samples: Mapping[int, Record | None]) -> Iterator[Finding]:
    for number, entry in enumerate(regions.entries):
        if not regions.of[number]:
            yield Finding(
                "TL005",
                "error",
                entry.spot,
                f"no incident meets the conditions of {entry.id!r}",
                "they contradict each other, so it never applies",
                "correct a condition, or remove the rule",
                entry.id,
            )
        elif samples[number] is None:
            yield _undecided(entry, f"whether any incident meets the conditions of {entry.id!r}")


def _undecided(entry: Rule | Bound, what: str) -> Finding:
    why = "conditions on text and time are compared case by case, and this one could not be settled"
    return Finding(UNDECIDED, "info", entry.spot, f"undecided: {what}", why, "look at it yourself", entry.id)


def _unreachable(
    policy: Policy, regions: Regions, engine: Engine, samples: Mapping[int, Record | None]
) -> Iterator[Finding]:
    earlier: dict[str, list[int]] = defaultdict(list)
    for number, rule in enumerate(policy.rules):
        single = [a.field for a in rule.sets if policy.kind(a.field) != "set"]
        adds = len(single) < len(rule.sets) or bool(rule.orders)
        found = {name: _covered(regions, engine, number, earlier[name], samples[number]) for name in single}
        hidden = [name for name in single if found[name]]
        unsure = [name for name in single if found[name] is None]
        if hidden and len(hidden) == len(single) and not adds:
            yield _hidden_rule(regions, rule, number, earlier[hidden[0]])
        else:
            yield from (_hidden_field(regions, rule, number, earlier[name], name) for name in hidden)
        yield from (_undecided(rule, f"whether {rule.id!r} ever sets {name}") for name in unsure)
        for name in single:
            earlier[name].append(number)


def _covered(
    regions: Regions, engine: Engine, number: int, before: list[int], sample: Record | None
) -> bool | None:
    """Whether the rules `before` hold wherever this one does; None if that is undecided.

    One incident of this rule often shows at once that they do not.
    """
    if not before or not regions.of[number]:
        return False
    if sample is not None:
        now = sample.get("now")
        moment = Moment(now if isinstance(now, datetime) else NOW, engine.policy.calendars)
        met = set(engine.matcher.met(sample, moment))
        if number in met and not met.intersection(before):
            return False
    touching = {other for box in regions.of[number] for other in regions.touching(box)}.intersection(before)
    rivals = [regions.entries[other] for other in sorted(touching)]
    found = regions.exists(regions.of[number], [regions.entries[number].when], rivals)
    return None if found.undecided else found.covered


def _hidden_rule(regions: Regions, rule: Rule, number: int, before: list[int]) -> Finding:
    first = _first(regions, number, before)
    return Finding(
        "TL004",
        "error",
        rule.spot,
        f"the rule {rule.id!r} never speaks: {first}",
        "the first rule that sets a field wins, and together they hold wherever this one does",
        "move it above them, narrow them, or remove it",
        rule.id,
    )


def _hidden_field(regions: Regions, rule: Rule, number: int, before: list[int], name: str) -> Finding:
    first = _first(regions, number, before)
    return Finding(
        "TL004",
        "error",
        rule.at(f"then.{name}"),
        f"the {name} of the rule {rule.id!r} is never used: {first}",
        "the first rule that sets a field wins, and together they hold wherever this one does",
        f"move it above them, or take {name} out of it",
        rule.id,
    )


def _first(regions: Regions, number: int, before: list[int]) -> str:
    touching = {other for box in regions.of[number] for other in regions.touching(box)}
    ids = [repr(regions.entries[other].id) for other in before if other in touching]
    more = f" and {len(ids) - MAX_OPPONENTS} more" if len(ids) > MAX_OPPONENTS else ""
    return f"{', '.join(ids[:MAX_OPPONENTS])}{more} always {'comes' if len(ids) == 1 else 'come'} first"


def _contradicting(policy: Policy, regions: Regions) -> Iterator[Finding]:
    """Pairs that set a field apart where both hold, and neither of which lies within the other."""
    earlier: dict[str, dict[Cell, int]] = defaultdict(lambda: defaultdict(int))
    for number, rule in enumerate(policy.rules):
        single = {a.field: a.value for a in rule.sets if policy.kind(a.field) != "set"}
        for name, value in single.items():
            rivals = sum(mask for said, mask in earlier[name].items() if said != value)
            yield from _rivals(policy, regions, number, name, rivals)
        if "*" not in rule.before:
            for name, value in single.items():
                earlier[name][value] |= regions.bits(number)


def _rivals(policy: Policy, regions: Regions, number: int, name: str, among: int) -> Iterator[Finding]:
    """The finding about one field of a rule, if earlier rules of these boxes contradict it."""
    rule = policy.rules[number]
    touching = (
        {other for box in regions.of[number] for other in regions.touching(box, among)} if among else ()
    )
    found: list[str] = []
    grave: Severity = "info"
    proof: Record | None = None
    for other in sorted(touching):
        if rule.id in policy.rules[other].before:
            continue
        severity, example = _overlap(policy, regions, other, number)
        if example is not None:
            grave, proof = (severity, example) if proof is None or severity == "warning" else (grave, proof)
            found.append(policy.rules[other].id)
        if len(found) >= MAX_OPPONENTS:
            break
    if proof is not None:
        yield _contradiction(rule, name, grave, proof, found)


def _contradiction(rule: Rule, name: str, severity: Severity, example: Record, rivals: list[str]) -> Finding:
    names = ", ".join(map(repr, rivals))
    return Finding(
        "TL006",
        severity,
        rule.at(f"then.{name}"),
        f"{rule.id!r} and {names} set {name} to different values, {told(example)}",
        "only their order in the file decides which one speaks",
        f'narrow one of them, or say in the earlier one that it is meant: before = ["{rule.id}"]',
        rule.id,
    )


def _overlap(policy: Policy, regions: Regions, earlier: int, later: int) -> tuple[Severity, Record | None]:
    """An incident of both, unless the earlier is a special case of the later; how grave that is."""
    one, two = policy.rules[earlier], policy.rules[later]
    both = [
        m
        for a in regions.of[earlier]
        for b in regions.of[later]
        if (m := regions.space.meet(a, b)) is not None
    ]
    example = regions.exists(both, [one.when, two.when], []).example
    if example is None:
        return "info", None
    outside = regions.exists(regions.of[earlier], [one.when], [two])
    if outside.example is None:
        return "info", None
    only_text = _text_only(policy, one.when) or _text_only(policy, two.when)
    return ("info" if only_text else "warning"), example


def _text_only(policy: Policy, condition: Condition) -> bool:
    found = [*atoms(condition)]
    return bool(found) and any(policy.kind(atom.field) in ("text", "texts") for atom in found)


def _flipping(
    policy: Policy, regions: Regions, engine: Engine, samples: Mapping[int, Record | None]
) -> Iterator[Finding]:
    """Rules that set each other's conditions in a circle, shown by an incident that never comes to rest."""
    reported: set[frozenset[str]] = set()
    tries = 0
    for number, boxes, undone in _circles(policy, regions):
        tries += 1
        if tries > MAX_TRIES:
            yield _undecided(
                policy.rules[number], "whether more rules flip back and forth: there are too many circles"
            )
            return
        when = policy.rules[number].when
        starts = [samples[number], *(_start(regions, box, when) for box in boxes)]
        for start in starts:
            if start is None:
                continue
            now = start.get("now")
            at = now if isinstance(now, datetime) else NOW
            applied = engine.apply(start, at, Standing(fresh=True))
            involved = frozenset(rule for rules in applied.flapping.values() for rule in rules)
            if not involved or involved in reported:
                continue
            reported.add(involved)
            yield _flip(policy, undone, applied.flapping, start)


def _start(regions: Regions, box: Box, when: Condition) -> Record | None:
    return regions.space.example(box, lambda record, moment: holds(when, record, moment))


def _flip(policy: Policy, rule: Rule, flapping: Mapping[str, tuple[str, ...]], start: Record) -> Finding:
    fields = ", ".join(sorted(flapping))
    ids = sorted({id_ for ids in flapping.values() for id_ in ids})
    first = next((r for r in policy.rules if r.id in ids), rule)
    return Finding(
        "TL007",
        "error",
        first.spot,
        f"{', '.join(map(repr, ids))} change {fields} back and forth for ever, {told(start)}",
        "each makes the condition of another one true; such an incident is left as it is and held",
        "let the conditions ask something that the rules do not set",
        first.id,
    )


def _circles(policy: Policy, regions: Regions) -> Iterator[tuple[int, list[Box], Rule]]:
    """Rules on a circle of what they set and ask, with where to start: a region, freed of what it sets."""
    reads = [{atom.field for atom in atoms(rule.when)} for rule in policy.rules]
    writes = [{a.field for a in rule.sets} for rule in policy.rules]
    for number in reads:
        number |= {"impact", "urgency"} if "priority" in number else set()
    looped = _on_circle(reads, writes)
    for one in sorted(looped):
        rule = policy.rules[one]
        for two in sorted(looped):
            if not writes[one] & reads[two] and one != two:
                continue
            boxes: list[Box] = []
            for box in regions.of[two]:
                freed = {key: mask for key, mask in box.items() if key[0] not in writes[one]}
                boxes += [m for own in regions.of[one] if (m := regions.space.meet(own, freed)) is not None][
                    :4
                ]
            yield one, boxes[:8], rule


def _on_circle(reads: list[set[str]], writes: list[set[str]]) -> set[int]:
    """The rules that lie on a circle, by field: a field leads to those that rules asking it set."""
    leads: dict[str, set[str]] = defaultdict(set)
    for read, written in zip(reads, writes, strict=True):
        for name in read:
            leads[name] |= written
    reach = {name: _reachable(leads, name) for name in [*leads]}
    return {
        number
        for number, (read, written) in enumerate(zip(reads, writes, strict=True))
        if any(name in reach.get(target, ()) or name == target for name in read for target in written)
    }


def _reachable(leads: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    pending = [start]
    while pending:
        for name in leads.get(pending.pop(), ()):
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return seen


def _bounds(policy: Policy, regions: Regions) -> Iterator[Finding]:
    order = policy.matrix.priorities
    first = len(policy.rules)
    known = [(first + n, bound) for n, bound in enumerate(policy.bounds) if bound.priority in order]
    for low, floor in ((n, b) for n, b in known if b.kind == "floor"):
        for high, ceiling in ((n, b) for n, b in known if b.kind == "ceiling"):
            if order.index(ceiling.priority) <= order.index(floor.priority):
                continue
            both = [
                m
                for a in regions.of[low]
                for b in regions.of[high]
                if (m := regions.space.meet(a, b)) is not None
            ]
            example = regions.exists(both, [floor.when, ceiling.when], []).example
            if example is not None:
                yield Finding(
                    "TL021",
                    "warning",
                    ceiling.spot,
                    f"the floor {floor.id!r} and the ceiling {ceiling.id!r} contradict, {told(example)}",
                    "no priority is within both; the floor wins",
                    "narrow the condition of one of them",
                    ceiling.id,
                )


def _never_due(policy: Policy) -> Iterator[Finding]:
    for rule in policy.rules:
        timed = [atom for atom in atoms(rule.when) if atom.operator == "older_than"]
        closed = {
            a.calendar
            for a in timed
            if a.calendar in policy.calendars and not policy.calendars[a.calendar].ever_open()
        }
        for name in sorted(closed):
            yield _not_due(rule, f"the calendar {name!r} has no hours", "give the calendar hours")
        aged = all(any(_aged(literal) for literal in clause) for clause in clauses(rule.when))
        if timed and aged and rule.sets and all(a.strength == "on_create" for a in rule.sets):
            yield _not_due(
                rule,
                "it speaks on_create only, and nothing is that old when it is raised",
                "use another strength",
            )


def _aged(literal: Literal) -> bool:
    """Whether it holds only for what was raised some time ago."""
    atom, positive = literal
    return positive and atom.operator == "older_than" and atom.field == "opened"


def _not_due(rule: Rule, what: str, remedy: str) -> Finding:
    why = "its time never comes"
    return Finding(
        "TL015",
        "error",
        rule.at("when.opened"),
        f"{rule.id!r} can never be due: {what}",
        why,
        remedy,
        rule.id,
    )

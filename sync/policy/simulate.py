"""A policy over history: what it would change, and how far it agrees with what people chose.

One record at a time: memory is bounded by rules, values and the number of gravest incidents, not by records.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tieline.sync.policy.evaluate import Applied, Engine, Standing, same
from tieline.sync.policy.fields import Cell
from tieline.sync.policy.model import Policy
from tieline.sync.policy.records import Row
from tieline.sync.policy.testing import shown

AGREEMENT: Final = ("category", "priority")
"""Fields of which people's values and the policy's are compared, where it speaks for them."""
MAX_VALUES: Final = 200
"""Different values of a field that a table tells apart; what is beyond is counted as `others`."""
MAX_EXAMPLES: Final = 10
EVERY: Final = 2_000
"""Records between two reports of progress."""

Progress = Callable[[int], None]


@dataclass
class Simulated:
    """What came of it. Tables are (recorded, policy's) -> records; `changed` counts by field and by rule."""

    records: int = 0
    touched_records: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    flapping: int = 0
    held: int = 0
    left_out: int = 0
    tables: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    gravest: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By week, the incidents that the policy gives the gravest priority."""
    recorded_gravest: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def agreement(self, name: str) -> tuple[int, int]:
        """In how many records that have a value the policy's is the same, and of how many."""
        table = self.tables.get(name, Counter())
        known = {pair: count for pair, count in table.items() if pair[0] != "nothing"}
        return sum(count for (one, two), count in known.items() if one == two), sum(known.values())


def standings(rows: Iterable[Row]) -> Iterator[tuple[Row, Standing]]:
    """Each row, and whether it is the first of its incident; rows of one incident follow each other."""
    last: str | None = None
    for row in rows:
        yield row, Standing(fresh=not row.id or row.id != last)
        last = row.id


def simulate(engine: Engine, rows: Iterable[Row], now: datetime, progress: Progress) -> Simulated:
    """The policy applied to each record as it stands, at the record's own time or else `now`."""
    found = Simulated()
    for row, standing in standings(rows):
        applied = engine.apply(row.values, row.at or now, standing)
        _count(engine.policy, found, row, applied)
        if found.records % EVERY == 0:
            progress(found.records)
    progress(found.records)
    return found


def _count(policy: Policy, found: Simulated, row: Row, applied: Applied) -> None:
    found.records += 1
    differing = [name for name in applied.values if _differs(name, row, applied)]
    found.touched_records += bool(differing)
    found.changed.update(differing)
    found.by_rule.update(change.rule for change in applied.changes.values())
    found.fired.update(applied.fired)
    found.flapping += bool(applied.flapping)
    found.held += applied.hold is not None
    found.left_out += bool(applied.leave_out)
    for name in AGREEMENT:
        if name in applied.speaks or (name == "priority" and policy.matrix.cells):
            table = found.tables[name]
            pair = word(row.values.get(name)), word(applied.values.get(name))
            table[pair if pair in table or len(table) < MAX_VALUES else ("others", "others")] += 1
    top = policy.matrix.priorities[:1]
    moment = row.at or row.values.get("opened")
    if top and isinstance(moment, datetime):
        week = "{}-W{:02}".format(*moment.isocalendar()[:2])
        if applied.values.get("priority") == top[0]:
            found.gravest[week].add(row.id or str(row.line))
        if row.values.get("priority") == top[0]:
            found.recorded_gravest[week].add(row.id or str(row.line))


def _differs(name: str, row: Row, applied: Applied) -> bool:
    return name in (*applied.changes, "priority") and not same(row.values.get(name), applied.values.get(name))


def word(value: Cell) -> str:
    """A value as one word of a table."""
    return value if isinstance(value, str) else shown(value)


def simulated_lines(policy: Policy, found: Simulated) -> list[str]:
    """For people."""
    lines = [f"{found.records} records, {found.touched_records} would change"]
    lines += [f"    {name}: {count}" for name, count in found.changed.most_common()]
    for name in AGREEMENT:
        agreed, total = found.agreement(name)
        if total:
            lines.append(
                f"{name}: the policy agrees with {agreed} of {total} records ({100 * agreed / total:.2f} %)"
            )
            lines += _table_lines(found.tables[name])
    lines += ["what rules change"] if found.by_rule else []
    lines += [f"    {rule}: {count}" for rule, count in found.by_rule.most_common()]
    idle = _idle(policy, found)
    lines += [f"rules that never fire: {', '.join(idle)}"] if idle else []
    weeks = sorted({*found.gravest, *found.recorded_gravest})
    if weeks:
        lines.append(f"incidents at {policy.matrix.priorities[0]} by week (policy, recorded)")
        lines += [
            f"    {w}: {len(found.gravest.get(w, ()))}, {len(found.recorded_gravest.get(w, ()))}"
            for w in weeks
        ]
    counts = (
        (found.held, "held for a person"),
        (found.left_out, "left out of scope"),
        (found.flapping, "never come to rest"),
    )
    return lines + [f"{count} records {what}" for count, what in counts if count]


def _idle(policy: Policy, found: Simulated) -> list[str]:
    ids = [entry.id for entry in policy.entries]
    return [id_ for id_ in ids if not found.fired[id_]]


def _table_lines(table: Counter[tuple[str, str]]) -> list[str]:
    """Where the two part: recorded -> policy's, the most frequent first."""
    apart = [(pair, count) for pair, count in table.most_common() if pair[0] != pair[1]]
    return [f"    {one} -> {two}: {count}" for (one, two), count in apart[:MAX_EXAMPLES]]


def simulated_json(policy: Policy, found: Simulated) -> dict[str, Any]:
    """For machines."""
    return {
        "records": found.records,
        "would_change": found.touched_records,
        "changed": dict(found.changed),
        "changed_by_rule": dict(found.by_rule),
        "fired": dict(found.fired),
        "never_fired": _idle(policy, found),
        "agreement": {
            name: {
                "same": found.agreement(name)[0],
                "of": found.agreement(name)[1],
                "confusion": [
                    {"recorded": a, "policy": b, "records": n}
                    for (a, b), n in found.tables[name].most_common()
                ],
            }
            for name in AGREEMENT
            if found.tables.get(name)
        },
        "gravest_by_week": {week: len(ids) for week, ids in sorted(found.gravest.items())},
        "recorded_gravest_by_week": {week: len(ids) for week, ids in sorted(found.recorded_gravest.items())},
        "held": found.held,
        "left_out": found.left_out,
        "flapping": found.flapping,
    }


@dataclass
class Compared:
    """What two policies make of the same records differently; `moves` are (field, old, new) -> records."""

    records: int = 0
    differing: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Ids of rules that only one policy has, or that are not the same in both."""


def compare_policies(
    old: Engine, new: Engine, rows: Iterable[Row], now: datetime, progress: Progress
) -> Compared:
    """Both policies applied to each record."""
    found = Compared(**_rules(old.policy, new.policy))
    for row, standing in standings(rows):
        found.records += 1
        one, two = (engine.apply(row.values, row.at or now, standing) for engine in (old, new))
        names = [n for n in {**one.values, **two.values} if not same(one.values.get(n), two.values.get(n))]
        found.differing += bool(names)
        for name in sorted(names):
            move = name, word(one.values.get(name)), word(two.values.get(name))
            found.fields[name] += 1
            found.moves[
                move if move in found.moves or len(found.moves) < MAX_VALUES else (name, "others", "others")
            ] += 1
            if len(found.examples) < MAX_EXAMPLES:
                change = two.changes.get(name) or one.changes.get(name)
                found.examples.append(
                    {
                        "record": row.id or f"line {row.line}",
                        "field": name,
                        "old": move[1],
                        "new": move[2],
                        "rule": change.rule if change else "",
                    }
                )
        if found.records % EVERY == 0:
            progress(found.records)
    progress(found.records)
    return found


def _rules(old: Policy, new: Policy) -> dict[str, Any]:
    one, two = ({e.id: _body(e) for e in policy.entries} for policy in (old, new))
    return {
        "gone": sorted({*one} - {*two}),
        "new": sorted({*two} - {*one}),
        "changed": sorted(id_ for id_ in {*one} & {*two} if one[id_] != two[id_]),
    }


def _body(entry: Any) -> tuple[object, ...]:
    """What of a rule decides; where it stands does not."""
    names = ("when", "sets", "orders", "kind", "priority")
    return tuple(repr(getattr(entry, name, None)) for name in names)


def compared_lines(found: Compared) -> list[str]:
    """For people."""
    lines = [f"{found.differing} of {found.records} records would get other values"]
    lines += [f"    {name}: {count}" for name, count in found.fields.most_common()]
    lines += ["what becomes of values"] if found.moves else []
    lines += [
        f"    {name}: {old} -> {new}: {count}"
        for (name, old, new), count in found.moves.most_common(MAX_EXAMPLES)
    ]
    for what, ids in (("new", found.new), ("changed", found.changed), ("gone", found.gone)):
        lines += [f"rules {what}: {', '.join(ids)}"] if ids else []
    return lines


def compared_markdown(found: Compared) -> str:
    """Fit for a comment on a pull request."""
    parts = [
        "### What this policy change would do",
        f"**{found.differing}** of {found.records} records would get other values.",
    ]
    if found.moves:
        rows = [
            f"| {_md(n)} | {_md(a)} | {_md(b)} | {count} |"
            for (n, a, b), count in found.moves.most_common(MAX_EXAMPLES)
        ]
        parts.append("\n".join(["| field | before | after | records |", "|---|---|---|---:|", *rows]))
    for what, ids in (("New", found.new), ("Changed", found.changed), ("Gone", found.gone)):
        parts += [f"{what} rules: {', '.join(f'`{id_}`' for id_ in ids)}"] if ids else []
    if found.examples:
        rows = [
            "| " + " | ".join(_md(e[name]) for name in ("record", "field", "old", "new", "rule")) + " |"
            for e in found.examples
        ]
        table = "\n".join(["| record | field | before | after | rule |", "|---|---|---|---|---|", *rows])
        parts.append(f"<details><summary>Examples</summary>\n\n{table}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _md(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def compared_json(found: Compared) -> str:
    """For machines."""
    return json.dumps(
        {
            "records": found.records,
            "differing": found.differing,
            "fields": dict(found.fields),
            "moves": [
                {"field": n, "old": a, "new": b, "records": c} for (n, a, b), c in found.moves.most_common()
            ],
            "examples": found.examples,
            "rules": {"new": found.new, "changed": found.changed, "gone": found.gone},
        },
        indent=2,
        ensure_ascii=False,
    )

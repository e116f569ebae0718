"""Runs the tests that stand beside the rules: an incident, and what is expected of the policy.

Pure: a test's time is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tieline.sync.policy.evaluate import Applied, Engine, Standing, same
from tieline.sync.policy.fields import Cell, Record, Said
from tieline.sync.policy.matrix import inverse
from tieline.sync.policy.model import Policy, Test, TestStep


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something that is not as expected. `step` counts from 1; 0 is the incident as it was given."""

    step: int
    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f"step {self.step}: " if self.step else ""
        return f"{where}{self.what}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test, which rules took part in it, and which cells of the matrix."""

    test: Test
    mismatches: tuple[Mismatch, ...]
    fired: frozenset[str]
    cells: frozenset[tuple[str, str]]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.mismatches


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which rules (and bounds) and which cells of the matrix tests reach."""

    rules: Mapping[str, bool]
    cells: Mapping[tuple[str, str], bool]

    @property
    def percent(self) -> float:
        """The share of rules that a test reaches, in percent."""
        return 100.0 if not self.rules else 100.0 * sum(self.rules.values()) / len(self.rules)

    @property
    def cell_percent(self) -> float:
        """The share of the matrix's cells that a test reaches, in percent."""
        return 100.0 if not self.cells else 100.0 * sum(self.cells.values()) / len(self.cells)


def run_tests(engine: Engine, tests: Sequence[Test]) -> list[Result]:
    """Every test, in order."""
    return [run_test(engine, test) for test in tests]


def run_test(engine: Engine, test: Test) -> Result:
    """One test: the policy is applied once to what is given, and once after each step."""
    values, now = dict(test.given), test.now
    touched, fresh = set(test.touched), test.fresh
    statuses: list[tuple[datetime, str]] = []
    mismatches: list[Mismatch] = []
    fired: set[str] = set()
    cells: set[tuple[str, str]] = set()
    reasons: dict[str, str] = {}
    stages: list[Test | TestStep] = [test, *test.steps]
    for number, stage in enumerate(stages):
        if isinstance(stage, TestStep):
            now += stage.after
            edits = _edited(engine.policy, values, stage.edits)
            values |= edits
            if stage.by == "person":
                touched |= edits.keys()
                reasons = {name: rule for name, rule in reasons.items() if name not in edits}
            fresh = False
        statuses += _status_since(values, now, statuses)
        standing = Standing(frozenset(touched), fresh, tuple(statuses))
        applied = engine.apply(values, now, standing)
        values = dict(applied.values)
        reasons |= {name: change.rule for name, change in applied.changes.items()}
        touched -= {c.field for c in applied.changes.values() if c.overrides}
        fired |= applied.fired
        cell = (str(values.get("impact")), str(values.get("urgency")))
        cells |= {cell} & engine.policy.matrix.cells.keys()
        mismatches += compare(number, stage.expect, stage.reasons, applied, reasons)
    return Result(test, tuple(mismatches), frozenset(fired), frozenset(cells))


def _edited(policy: Policy, values: Record, edits: Mapping[str, Cell]) -> dict[str, Cell]:
    """A person's edit; a priority set in Jira becomes the impact and urgency that yield it.

    A comment is one more: what was said before stays said.
    """
    changed = {n: v.and_also(values.get(n)) if isinstance(v, Said) else v for n, v in edits.items()}
    wanted = changed.get("priority")
    if isinstance(wanted, str) and policy.matrix.cells:
        cell = inverse(policy.matrix, values.get("impact"), values.get("urgency"), (wanted,))
        if cell is not None:
            changed |= dict(zip(("impact", "urgency"), cell, strict=True))
    return changed


def _status_since(
    values: Record, now: datetime, statuses: Sequence[tuple[datetime, str]]
) -> list[tuple[datetime, str]]:
    """A status that it did not have before, from now on."""
    status = values.get("status")
    known = statuses[-1][1] if statuses else None
    return [(now, status)] if isinstance(status, str) and status != known else []


def compare(
    step: int, expect: Mapping[str, Cell], by: Mapping[str, str], applied: Applied, reasons: Mapping[str, str]
) -> list[Mismatch]:
    """What is otherwise than expected."""
    found = []
    for name, value in expect.items():
        got = applied.values.get(name)
        if not same(got, value):
            found.append(Mismatch(step, name, shown(value), shown(got)))
    for name, rule in by.items():
        if name == "hold":
            got_rule = applied.hold[0] if applied.hold else ""
        elif name == "leave_out":
            got_rule = applied.leave_out
        elif name == "note":
            got_rule = (
                rule if rule in {n.rule for n in applied.notes} else ", ".join(n.rule for n in applied.notes)
            )
        elif name == "priority":
            moved = [reasons.get(part, "") for part in ("impact", "urgency")]
            got_rule = rule if rule in moved else next((part for part in moved if part), "")
        else:
            got_rule = reasons.get(name, "")
        if got_rule != rule:
            found.append(Mismatch(step, f"the rule behind {name}", rule or "none", got_rule or "none"))
    return found


def shown(value: Cell) -> str:
    """A value on one line."""
    match value:
        case frozenset():
            return repr(sorted(value))
        case Said():
            return repr(sorted(value.texts))
        case bool():
            return str(value).lower()
        case None:
            return "nothing"
        case str():
            return repr(value)
        case _:
            return value.isoformat()


def coverage(policy: Policy, results: Sequence[Result]) -> Coverage:
    """What all tests together reach."""
    fired = {id_ for result in results for id_ in result.fired}
    cells = {cell for result in results for cell in result.cells}
    ids = [entry.id for entry in policy.entries]
    ids += [] if policy.links is None else [rule.id for rule in policy.links.written]
    return Coverage({id_: id_ in fired for id_ in ids}, {cell: cell in cells for cell in policy.matrix.cells})

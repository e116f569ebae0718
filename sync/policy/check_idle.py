"""Findings about what nobody uses: values and calendars that no rule or test names. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tieline.sync.config.faults import suggestion
from tieline.sync.policy.conditions import Condition, atom_holds, atoms
from tieline.sync.policy.fields import ALWAYS_FILLED, Cell
from tieline.sync.policy.findings import Finding
from tieline.sync.policy.model import Policy, Rule, Spot


def _asking(policy: Policy) -> Iterator[tuple[Condition, str, Spot, Rule | None]]:
    """What all rules ask, those about links too: condition, id and place."""
    for entry in policy.entries:
        yield entry.when, entry.id, entry.spot, entry if isinstance(entry, Rule) else None
    for rule in () if policy.links is None else policy.links.written:
        yield rule.when, rule.id, rule.spot, None


def calendars(policy: Policy) -> Iterator[Finding]:
    """Calendars that there are not, and those that nobody uses."""
    asked: dict[str, tuple[Spot, str]] = {}
    for when, id_, spot, entry in _asking(policy):
        for atom in atoms(when):
            if atom.calendar:
                where = spot if entry is None else entry.at(f"when.{atom.field}")
                asked.setdefault(atom.calendar, (where, id_))
    for sla in policy.slas:
        if sla.calendar:
            asked.setdefault(sla.calendar, (sla.spot, ""))
    for name, (spot, rule) in asked.items():
        if name not in policy.calendars:
            yield Finding(
                "TL019",
                "error",
                spot,
                f"there is no calendar {name!r}",
                "its hours are not known",
                suggestion(name, policy.calendars),
                rule,
            )
    for name, spot in policy.calendar_spots.items():
        if name not in asked:
            yield _idle(spot, f"no rule and no target uses the calendar {name!r}", "remove it", "warning")


def unused(policy: Policy) -> Iterator[Finding]:
    """Values that no rule and no test names."""
    used: dict[str, set[object]] = defaultdict(set)
    for when, _, _, entry in _asking(policy):
        for atom in atoms(when):
            if isinstance(atom.argument, frozenset):
                used[atom.field] |= set(atom.argument)
            elif policy.names(atom.field) is not None:
                used[atom.field] |= {n for n in policy.names(atom.field) or () if atom_holds(atom, n, None)}
        for assignment in () if entry is None else entry.sets:
            used[assignment.field].add(assignment.value)
    cells: list[tuple[str, Cell]] = [
        pair
        for test in policy.tests
        for table in (test.given, test.expect, *(t for s in test.steps for t in (s.edits, s.expect)))
        for pair in table.items()
    ]
    cells += [pair for test in (policy.links.tests if policy.links else ()) for pair in test.given.items()]
    for name, value in cells:
        used[name].add(value)
    for term in policy.vocabulary.get("subcategory", ()):
        used["category"] |= set(term.of)
    for name, terms in policy.vocabulary.items():
        if name in ALWAYS_FILLED or name == "resolution" or policy.kind(name) == "flag":
            continue
        idle = [term for term in terms if term.name not in used[name]]
        if idle:
            words = ", ".join(repr(term.name) for term in idle[:5]) + (" ..." if len(idle) > 5 else "")
            what = f"no rule and no test names the {name} {words}"
            yield _idle(idle[0].spot, what, "remove it, or name it in a rule or a test", "info")


def _idle(spot: Spot, what: str, remedy: str, severity: str) -> Finding:
    grave = "warning" if severity == "warning" else "info"
    return Finding("TL017", grave, spot, what, "what nobody uses misleads whoever reads it", remedy)  # type: ignore[arg-type]

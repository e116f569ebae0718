"""Whether a resolved incident has what its closure needs, how that goes over time, and what keeps recurring.

Pure. What an incident is about is its configuration item, else its service, else its component; incidents
with none of them are never taken as alike, whatever they say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tieline.connectors.base import Ref
from tieline.sync.links.decide import Standing
from tieline.sync.links.evidence import Case
from tieline.sync.links.rules import ClosureRule, LinkPolicy, LinkTest
from tieline.sync.policy.conditions import Moment, holds
from tieline.sync.policy.fields import Record

MIN_CASES: Final = 30
"""Below so many closures a period's share is not told."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A resolved incident: what evidence sees of it, the policy's fields, and what it is tied to."""

    case: Case
    record: Record
    standing: Standing


@dataclass(frozen=True, slots=True)
class Missing:
    """A rule of closure that an incident does not meet. `alike` are the incidents that made it apply.

    `near` are the same, as records.
    """

    case: Case
    rule: ClosureRule
    alike: tuple[str, ...] = ()
    near: tuple[Ref, ...] = ()

    @property
    def reason(self) -> str:
        """For people."""
        needs = " or ".join(sorted(relation.replace("_", " ") for relation in self.rule.needs))
        why = f" ({self.rule.about.rstrip('.')})" if self.rule.about else ""
        like = f"; alike: {', '.join(self.alike)}" if self.alike else ""
        return f"{self.case.label} has no {needs}{why}{like}"


@dataclass(frozen=True, slots=True)
class Period:
    """How many incidents were resolved in the month from `start` (UTC) on, and how many completely."""

    start: datetime
    closed: int
    complete: int

    @property
    def share(self) -> float | None:
        """The share that was complete; None where there are too few to tell."""
        return self.complete / self.closed if self.closed >= MIN_CASES else None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Incidents that came again and again on one thing; `targets` are the problems that any of them has."""

    about: str
    category: str
    cases: tuple[Case, ...]
    targets: frozenset[Ref]

    @property
    def first(self) -> datetime:
        """When the first was opened."""
        return self.cases[0].opened

    @property
    def last(self) -> datetime:
        """When the latest was opened."""
        return self.cases[-1].opened


def about(case: Case) -> str:
    """The thing that an incident is about; "" where nobody said."""
    return case.ci or case.service or case.component


def missing(
    closed: Iterable[Closed], policy: LinkPolicy, moment: Moment, others: Sequence[Case] = ()
) -> list[Missing]:
    """What resolved incidents lack, the oldest first. `others` may be alike, and need not be resolved."""
    every = list(closed)
    by_thing: dict[str, list[Case]] = defaultdict(list)
    for case in {c.ref: c for c in (*others, *(one.case for one in every))}.values():
        by_thing[about(case)].append(case)
    found = []
    for one in every:
        for rule in policy.closure:
            alike = _alike(one.case, by_thing.get(about(one.case), []), rule)
            if lacks(rule, one.record, one.standing, len(alike), moment):
                shown = alike if rule.alike else []
                labels, refs = (case.label for case in shown), (case.ref for case in shown)
                found.append(Missing(one.case, rule, tuple(labels), tuple(refs)))
    return sorted(found, key=lambda m: (m.case.resolved or m.case.opened, m.case.label, m.rule.id))


def lacks(rule: ClosureRule, record: Record, standing: Standing, alike: int, moment: Moment) -> bool:
    """Whether the rule applies to the incident and is not met."""
    if any(standing.get(relation) for relation in rule.needs):
        return False
    return alike >= rule.alike and holds(rule.when, record, moment)


def _alike(case: Case, near: Sequence[Case], rule: ClosureRule) -> list[Case]:
    """Incidents on the same thing, of the same category, up to when it was opened; itself among them."""
    if not rule.alike or not about(case):
        return []
    return sorted(
        (
            other
            for other in near
            if other.category == case.category and timedelta(0) <= case.opened - other.opened <= rule.within
        ),
        key=lambda other: (other.opened, other.label),
    )


def shares(closed: Iterable[Closed], lacking: Iterable[Missing]) -> list[Period]:
    """The share of complete closures by calendar month (UTC); months without any closure are left out."""
    incomplete = {each.case.ref for each in lacking}
    counted: dict[datetime, list[bool]] = defaultdict(list)
    for one in closed:
        if one.case.resolved is not None:
            at = one.case.resolved.astimezone(UTC)
            counted[datetime(at.year, at.month, 1, tzinfo=UTC)].append(one.case.ref not in incomplete)
    return [Period(month, len(those), sum(those)) for month, those in sorted(counted.items())]


def recurring(
    cases: Iterable[Case],
    standing: Mapping[Ref, Standing],
    least: int = 3,
    within: timedelta = timedelta(days=30),
) -> list[Cluster]:
    """Incidents of one category on one thing, at least so many, none longer after the last than `within`."""
    by_kind: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in sorted(cases, key=lambda c: (c.opened, c.label)):
        if about(case):
            by_kind[about(case), case.category].append(case)
    found = [
        Cluster(thing, category, tuple(run), _problems(run, standing))
        for (thing, category), several in by_kind.items()
        for run in _runs(several, within)
        if len(run) >= least
    ]
    return sorted(found, key=lambda cluster: (-len(cluster.cases), cluster.about, cluster.first))


def _runs(cases: Sequence[Case], within: timedelta) -> list[list[Case]]:
    runs: list[list[Case]] = []
    for case in cases:
        if runs and case.opened - runs[-1][-1].opened <= within:
            runs[-1].append(case)
        else:
            runs.append([case])
    return runs


def _problems(cases: Iterable[Case], standing: Mapping[Ref, Standing]) -> frozenset[Ref]:
    held = (standing.get(case.ref, {}).get("problem", frozenset()) for case in cases)
    return frozenset(ref for refs in held for ref in refs)


def unmet(test: LinkTest, policy: LinkPolicy, moment: Moment) -> frozenset[str]:
    """The rules of closure that the incident of a test does not meet."""
    standing: Standing = {relation: frozenset({Ref("servicenow", "test")}) for relation in test.has}
    return frozenset(
        rule.id for rule in policy.closure if lacks(rule, test.given, standing, test.alike, moment)
    )

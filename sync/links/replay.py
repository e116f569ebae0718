"""Replays an event log: what would have been proposed with what was known then, and how often it was right.

Pure. Each incident is asked about once, when it is raised, from its own row without the columns that hold
relations, and from what all rows of earlier minutes say. The log knows no seconds, so rows of the same minute
know nothing of each other. What people set at the end is the truth that proposals are measured against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from tieline.sync.links.eventlog import COLUMNS, Row
from tieline.sync.links.history import USUAL, History, Settings
from tieline.sync.links.model import EVIDENCE_KINDS, EvidenceKind, Relation

LIKE_FOR: Final = timedelta(days=7)
"""How long ago an incident alike may have been tied."""
REPLAYED: Final[tuple[EvidenceKind, ...]] = ("history", "likeness", "ci")
"""The kinds of evidence that an event log can show; it holds no text, no changes and no links next door."""
ABSENT: Final[Mapping[EvidenceKind, str]] = {
    "mention": "the log holds no text",
    "link": "the log holds no parents and no duplicates",
    "change": "the log holds no changes beside those that incidents name",
}
"""Why the other kinds cannot be measured."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A relation that would have been proposed at `at`, and whether people set it in the end."""

    incident: str
    relation: Relation
    target: str
    kind: EvidenceKind
    score: float
    at: datetime
    right: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """All attempts, and for each relation which incidents people tied to what in the end.

    `known` counts those whose target some earlier incident had been tied to: no method that proposes known
    targets finds more.
    """

    attempts: tuple[Attempt, ...]
    truth: Mapping[Relation, Mapping[str, str]]
    known: Mapping[Relation, int]
    incidents: int


@dataclass(slots=True)
class _Relation:
    """What is known of one relation so far."""

    history: History
    alike: dict[tuple[str, ...], tuple[str, datetime]] = field(default_factory=dict)
    by_ci: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    now: dict[str, str] = field(default_factory=dict)


def replay(rows: Sequence[Row], settings: Settings = USUAL) -> Replay:
    """The log in time order; the truth is looked up only to say which attempts were right."""
    truth = {relation: _truth(rows, relation) for relation in COLUMNS}
    state = {relation: _Relation(History(settings)) for relation in COLUMNS}
    known = dict.fromkeys(COLUMNS, 0)
    attempts: list[Attempt] = []
    raised: set[str] = set()
    for _, minute in groupby(rows, key=lambda row: row.at):
        together = list(minute)
        new: dict[str, Row] = {}
        for row in together:
            if row.number not in raised:
                new.setdefault(row.number, row)
        for relation, so_far in state.items():
            right = truth[relation]
            for row in new.values():
                attempts += _attempts(row, relation, so_far, right.get(row.number, ""))
                known[relation] += right.get(row.number, "") in so_far.targets
            _learn(so_far, relation, together, new)
        raised |= new.keys()
    return Replay(tuple(attempts), truth, known, len(raised))


def _truth(rows: Sequence[Row], relation: Relation) -> Mapping[str, str]:
    """What each incident is tied to at its end."""
    last = {row.number: row for row in rows}
    return {number: row.ties[relation] for number, row in last.items() if relation in row.ties}


def _attempts(row: Row, relation: Relation, known: _Relation, truth: str) -> Iterator[Attempt]:
    def attempt(target: str, kind: EvidenceKind, score: float, reason: str) -> Attempt:
        return Attempt(row.number, relation, target, kind, score, row.at, target == truth, reason)

    for guess in known.history.guesses(row.traits, row.at):
        yield attempt(guess.target, "history", guess.score, guess.reason)
    target, at = known.alike.get(_likeness(row), ("", row.at))
    if target and row.at - at <= LIKE_FOR:
        yield attempt(target, "likeness", 1 - (row.at - at) / LIKE_FOR, "the latest of the same kind")
    if row.ci and row.ci in known.by_ci:
        yield attempt(known.by_ci[row.ci], "ci", 1.0, f"the latest on {row.ci}")


def _likeness(row: Row) -> tuple[str, ...]:
    return (row.traits.category, row.traits.subcategory, row.symptom)


def _learn(known: _Relation, relation: Relation, rows: Sequence[Row], new: Mapping[str, Row]) -> None:
    """What the rows of one minute tell, for the minutes after it."""
    for row in rows:
        if new.get(row.number) is row:
            known.history.raised(row.number, row.traits)
        target = row.ties.get(relation, "")
        if target and known.now.get(row.number) != target:
            known.now[row.number] = target
            known.targets.add(target)
            known.history.tied(row.number, target, row.at)
            known.alike[_likeness(row)] = (target, row.at)
            if row.ci:
                known.by_ci[row.ci] = target


def absent(kind: EvidenceKind) -> str:
    """Why a kind of evidence cannot be measured on a log; "" if it can."""
    assert kind in EVIDENCE_KINDS
    return ABSENT.get(kind, "")

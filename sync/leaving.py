"""Off-boarding: takes markers and links off both systems, or leaves them, and ends every pair.

No ticket is deleted, closed or changed otherwise. A marker is only removed where it is ours and names this
very pair; a link only where it shows the other half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tieline.connectors.base import SIDES, Record, RemoveLink, Side, Update, Value
from tieline.sync.admission import LEFT
from tieline.sync.apply import write_steps
from tieline.sync.errand import came_through, read_both, works_of
from tieline.sync.explain import action_json, step_lines
from tieline.sync.model import Pair, Step
from tieline.sync.pairing import own_marker, unlink
from tieline.sync.run import Run
from tieline.sync.work import Work

LABELS: Final = "labels"
WHY: Final = ("this installation is left",)


@dataclass
class Leaving:
    """What leaving takes off the two halves of one pair."""

    pair: Pair
    work: Work | None
    steps: tuple[Step, ...] = ()
    gone: bool = False

    @property
    def label(self) -> str:
        """How people call the incident."""
        return f"{self.pair.number} = {self.pair.key}"

    def lines(self) -> list[str]:
        """For people."""
        found = [line for step in self.steps for line in step_lines(step)]
        return [*found, *(["one half is deleted, or hidden from us"] if self.gone else [])]

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "incident": self.label,
            "steps": [action_json(s.action) for s in self.steps],
            "gone": self.gone,
        }


def plan_leave(run: Run, *, remove: bool) -> Iterator[list[Leaving]]:
    """What leaving would write, a wave of pairs at a time; nothing is read where nothing is removed."""
    after = 0
    while True:
        with run.store.read() as tx:
            pairs = tx.walk_pairs(after, run.config.limits.wave, ("active", "frozen"))
        if not pairs:
            return
        after = pairs[-1].id
        works = {work.pair.id: work for work in works_of(run, pairs)} if remove else {}
        read_both(run, list(works.values()))
        yield [_leaving(run, pair, works.get(pair.id)) for pair in pairs]


def carry_out(run: Run, leaving: Sequence[Leaving]) -> Counter[str]:
    """Write it, and end the pairs of which all was written; what was not stays, and can be tried again."""
    works = []
    for each in leaving:
        if each.work is not None and each.steps:
            each.work.steps = list(each.steps)
            works.append(each.work)
    write_steps(run, works)
    failed = {e.pair.id for e in leaving if e.steps and not came_through(run, e.pair.id, len(e.steps))}
    done: Counter[str] = Counter()
    with run.store.transaction() as tx:
        for each in leaving:
            if each.pair.id in failed:
                done["failed"] += 1
                continue
            pair = each.pair if each.work is None else each.work.pair
            unlink(run, tx, pair)
            done["ended"] += 1
    return done


def note_left(run: Run) -> None:
    """From now on no pass runs on this state."""
    with run.store.transaction() as tx:
        if tx.note(LEFT) is None:
            tx.set_note(LEFT, run.clock().isoformat())


def _leaving(run: Run, pair: Pair, work: Work | None) -> Leaving:
    if work is None:
        return Leaving(pair, None)
    steps = [step for side in SIDES if side in work.records for step in _steps(run, pair, work.records[side])]
    return Leaving(pair, work, tuple(steps), gone=len(work.records) < len(SIDES))


def _steps(run: Run, pair: Pair, record: Record) -> Iterator[Step]:
    side = record.ref.side
    values, before = _marks(run, pair, record)
    if side == "servicenow":
        link = run.config.servicenow.link
        if link and record.values.get(link) == pair.key:
            values[link], before[link] = None, pair.key
    if values:
        yield Step(Update(record.ref, values, before, record.version), WHY)
    if side == "jira":
        yield Step(RemoveLink(record.ref, f"tieline:{pair.servicenow.id}"), WHY)


def _marks(run: Run, pair: Pair, record: Record) -> tuple[dict[str, Value], dict[str, Value]]:
    """The update that takes our marker off this record, if it carries one that names its other half."""
    side: Side = record.ref.side
    marker = own_marker(run, record)
    if marker is None or marker.origin_of(record.ref) != pair.ref(
        "jira" if side == "servicenow" else "servicenow"
    ):
        return {}, {}
    name = run.config.servicenow.marker if side == "servicenow" else run.config.jira.marker
    if name == LABELS:  # one label of several: the others stay
        return {name: None}, {name: frozenset({record.marker})}
    return {name: None}, {name: record.marker}

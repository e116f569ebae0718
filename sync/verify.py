"""Compares all pairs on both sides, whatever feeds and Base say, and names the cause of each difference.

It writes nothing, neither to a side nor to the state. Memory is bounded by one batch of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from tieline.connectors.base import SIDES, Record, Side, Values
from tieline.sync.explain import values_json
from tieline.sync.health import LOOKED_BACK, drained
from tieline.sync.mapping import Directory, Unit
from tieline.sync.merge import has_moved
from tieline.sync.model import LEFT, Conflict, Pair, Park
from tieline.sync.pairing import pair_key
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import Vocabulary

Cause = Literal[
    "conflict", "held", "parked", "waiting", "recent", "paused", "one-way", "undone", "decided", "unexplained"
]
CAUSES: Final[dict[Cause, str]] = {
    "conflict": "both sides changed it apart; a person decides (tieline conflicts list)",
    "held": "a value without a partner, or two rules that fight (tieline conflicts list)",
    "parked": "left alone, with the reason (tieline parked list)",
    "waiting": "in the inbox: the next pass deals with it (tieline sync)",
    "recent": "changed since the last pass looked: the next one deals with it (tieline sync)",
    "paused": "its route is paused, or it left the scope",
    "one-way": "the other side moved, and the field's direction does not carry that over",
    "undone": "a person undid what a pass wrote (tieline undo)",
    "decided": "a rule left it so, and the conflict says why (tieline show)",
    "unexplained": "nothing that Tieline knows explains it (tieline show, then tieline sync --only)",
}
"""Each cause in words, with the command that goes on from there."""
FOR_PEOPLE: Final = frozenset({"conflict", "held", "parked", "undone"})
MARGIN: Final = timedelta(seconds=2)
_HELD: Final = frozenset({"unmapped", "flapping", "cut", *LEFT})
_HISTORY: Final = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """One unit of one pair that differs, or (`unit` "") a pair of which a half is not shown."""

    pair: Pair
    unit: str
    cause: Cause
    detail: str
    servicenow: Values
    jira: Values

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "incident": f"{self.pair.number} = {self.pair.key}",
            "pair": self.pair.id,
            "field": self.unit,
            "cause": self.cause,
            "detail": self.detail,
            "servicenow": values_json(self.servicenow),
            "jira": values_json(self.jira),
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """What was found among some pairs: how many were compared, skipped (no route any more), and differ."""

    compared: int
    skipped: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the state knows about the pairs of one batch."""

    conflicts: dict[int, tuple[Conflict, ...]]
    parks: dict[str, Park]
    waiting: frozenset[str]
    writing: frozenset[int]


def verify(run: Run, progress: Callable[[str, int, int], None]) -> Iterator[Batch]:
    """Compare every live pair, some at a time, in the order in which they were made."""
    size = min(side.capabilities.read_batch for side in run.sides.values())
    with run.store.read() as tx:
        total, passes = tx.pair_count(), tx.last_passes(LOOKED_BACK)
    times = [drained(passes, side) for side in SIDES]
    looked = min((time for time in times if time is not None), default=None) if all(times) else None
    for side in SIDES:
        run.identity(side)
    after, done = 0, 0
    while True:
        with run.store.read() as tx:
            pairs = tx.walk_pairs(after, size, ("active", "frozen"))
            known = _known(tx, pairs)
        if not pairs:
            return
        after, done = pairs[-1].id, done + len(pairs)
        yield _compare(run, pairs, known, looked)
        progress("comparing pairs", done, max(total, done))


def _known(tx: Tx, pairs: Sequence[Pair]) -> _Known:
    keys = [pair_key(pair) for pair in pairs]
    writing = frozenset(intent.pair for intent in tx.open_intents() if intent.pair is not None)
    return _Known(tx.open_conflicts([p.id for p in pairs]), tx.parked(keys), tx.waiting(keys), writing)


def _compare(run: Run, pairs: Sequence[Pair], known: _Known, looked: datetime | None) -> Batch:
    mine = [pair for pair in pairs if pair.route in run.vocabularies]
    shown = {side: run.read(side, [pair.ref(side) for pair in mine]) for side in SIDES}
    records = {pair.id: {s: shown[s][at] for s in SIDES} for at, pair in enumerate(mine)}
    seen = [
        (record, run.vocabularies[pair.route])
        for pair in mine
        for record in records[pair.id].values()
        if isinstance(record, Record)
    ]
    directory = run.people.directory(seen, run.clock())
    differences: list[Difference] = []
    for pair in mine:
        both = {s: r for s, r in records[pair.id].items() if isinstance(r, Record)}
        if len(both) < len(SIDES):
            why = "; ".join(str(r) for r in records[pair.id].values() if not isinstance(r, Record))
            cause, _ = _of_pair(run, pair, known, looked, both)
            differences.append(Difference(pair, "", cause or "unexplained", why, {}, {}))
        else:
            differences += _pair(run, pair, both, known, looked, directory)
    return Batch(len(mine), len(pairs) - len(mine), tuple(differences))


def _pair(
    run: Run,
    pair: Pair,
    records: dict[Side, Record],
    known: _Known,
    looked: datetime | None,
    directory: Directory,
) -> Iterator[Difference]:
    vocabulary: Vocabulary = run.vocabularies[pair.route]
    for unit in vocabulary.units:
        own = {side: unit.own(side, records[side].values) for side in SIDES}
        held = any(c.unit == unit.name and c.kind in LEFT for c in known.conflicts.get(pair.id, ()))
        if unit.agrees(own["servicenow"], own["jira"], directory) and not held:
            continue
        cause, detail = _cause(run, pair, unit, own, records, known, looked)
        yield Difference(pair, unit.name, cause, detail or CAUSES[cause], own["servicenow"], own["jira"])


def _cause(
    run: Run,
    pair: Pair,
    unit: Unit,
    own: dict[Side, Values],
    records: dict[Side, Record],
    known: _Known,
    looked: datetime | None,
) -> tuple[Cause, str]:
    standing = next((c for c in known.conflicts.get(pair.id, ()) if c.unit == unit.name), None)
    if standing is not None:
        number = f"conflict {standing.id}: {standing.reason}"
        return ("held" if standing.kind in _HELD else "conflict"), number
    cause, detail = _of_pair(run, pair, known, looked, records)
    if cause is not None:
        return cause, detail
    return _settled(run, pair, unit, own)


def _of_pair(
    run: Run, pair: Pair, known: _Known, looked: datetime | None, records: dict[Side, Record]
) -> tuple[Cause | None, str]:
    """What explains any difference of this pair."""
    key = pair_key(pair)
    if key in known.parks:
        return "parked", f"parked: {known.parks[key].detail}"
    if pair.state == "frozen" or run.routes[pair.route].paused:
        return "paused", ""
    if key in known.waiting or pair.id in known.writing:
        return "waiting", ""
    if any(looked is None or record.updated >= looked - MARGIN for record in records.values()):
        return "recent", ""
    return None, ""


def _settled(run: Run, pair: Pair, unit: Unit, own: dict[Side, Values]) -> tuple[Cause, str]:
    """Why both sides may have been dealt with and differ all the same."""
    base = pair.base.unit(unit.name)
    if unit.rules.direction != "both":
        return "one-way", ""
    if not any(has_moved(base, side, own[side]) for side in SIDES):
        if base.undone:
            return "undone", f"put back by `tieline {base.undone}`"
        if unit.stands_apart(own["servicenow"], own["jira"]):
            return "decided", f"a closed incident stays closed (reopen rule of {pair.route})"
        with run.store.read() as tx:
            past = tx.conflicts(open_only=False, pair=pair.id, limit=_HISTORY)
        for conflict in past:
            if conflict.unit == unit.name and (conflict.servicenow, conflict.jira) == (
                own["servicenow"], own["jira"],
            ):  # fmt: skip
                return "decided", f"conflict {conflict.id}: {conflict.reason}"
    return "unexplained", ""

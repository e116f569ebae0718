"""Joins two records that exist already, and parts a pair: on a person's word, never by a guess of its own.

Either way the marker is what counts: it is set before the pair is stored, and taken off before the pair ends,
so that a crash in between leaves what the next pass, or the same command again, brings to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import (
    SIDES,
    Action,
    Applied,
    Record,
    Ref,
    RemoveLink,
    Side,
    Update,
    Value,
    other,
)
from tieline.connectors.errors import ConfigError, ConnectorError, Retryable, TielineError, Unknown
from tieline.sync.apply import contexts
from tieline.sync.candidates import in_scope
from tieline.sync.errand import works_of
from tieline.sync.journal import audit_entry, intend
from tieline.sync.marker import Marker, parse_marker
from tieline.sync.model import Arrival, Intent, OutcomeKind, Pair, Plan, Snapshot, Step
from tieline.sync.pairing import ended_pairs, free, own_marker, pair_up, part_for_good, unlink
from tieline.sync.plan import plan
from tieline.sync.run import Run

LABELS: Final = "labels"


class NotJoined(TielineError):
    """The two were not made a pair, or the pair was not ended; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Two records about to be a pair: `mirror` carries (or is to carry) the marker that names `origin`."""

    route: str
    origin: Record
    mirror: Record
    marker: Marker

    @property
    def marked(self) -> bool:
        """Whether the mirror carries the marker already."""
        return self.mirror.marker == str(self.marker)

    def record(self, side: Side) -> Record:
        """The half on one side."""
        return self.origin if self.origin.ref.side == side else self.mirror

    @property
    def label(self) -> str:
        """What people call the pair."""
        return f"{self.record('servicenow').label} = {self.record('jira').label}"


def joint(run: Run, one: Record, two: Record, route: str | None = None) -> Joint:
    """What joins these two. ConfigError with everything that speaks against it."""
    if one.ref.side == two.ref.side:
        raise ConfigError(f"{one.label} and {two.label} are both in {one.ref.side}: name one of each side")
    records = {record.ref.side: record for record in (one, two)}
    servicenow, jira = records["servicenow"], records["jira"]
    name = _route(run, servicenow, jira, route)
    against = [*_taken(run, (servicenow, jira)), *_left_out(run, name, (servicenow, jira))]
    found = _marked(run, name, servicenow, jira)
    if isinstance(found, str):
        against.append(found)
    if against or isinstance(found, str):
        raise ConfigError("\n".join(dict.fromkeys(against)))
    return found


def _route(run: Run, servicenow: Record, jira: Record, wanted: str | None) -> str:
    if wanted is not None and wanted not in run.routes:
        raise ConfigError(f"there is no route {wanted!r}; there is {', '.join(run.routes)}")
    for name in [wanted] if wanted else run.routes:
        vocabulary = run.vocabularies[name]
        if servicenow.place == vocabulary.place("servicenow") and jira.place == vocabulary.place("jira"):
            return name
    raise ConfigError(
        f"no route joins {servicenow.place} with {jira.place}: {servicenow.label} and {jira.label} cannot be "
        "a pair. Add a [[route]], or move the issue"
    )


def _taken(run: Run, records: Sequence[Record]) -> list[str]:
    with run.store.read() as tx:
        pairs = tx.pairs_of([record.ref for record in records])
    return [
        f"{record.label} is in the pair {pair.number} = {pair.key} already; to part it: "
        f"tieline unlink {record.label}"
        for record in records
        for pair in [pairs.get(record.ref)]
        if pair is not None
    ]


def _left_out(run: Run, name: str, records: Sequence[Record]) -> list[str]:
    """A record outside the route's scope is no obstacle, unless the route would end the pair at once."""
    route = run.routes[name]
    if route.paused:
        return [f"the route {name} is paused: nothing would be mirrored"]
    if route.leaves_scope == "keep":
        return []
    return [
        f"{record.label} is outside the scope of the route {name}, which would {route.leaves_scope} the pair"
        for record in records
        if record.ref not in in_scope(run, route, record.ref.side, [record.ref])
    ]


def _marked(run: Run, route: str, servicenow: Record, jira: Record) -> Joint | str:
    """Which half carries the marker: the one that has it; else the younger whose field is free for it."""
    halves = sorted((servicenow, jira), key=lambda record: (record.created, record.ref))
    orders = [(halves[0], halves[1]), (halves[1], halves[0])]
    joints = [
        Joint(route, origin, mirror, Marker(run.config.installation, route, origin.ref.id))
        for origin, mirror in orders
    ]
    for each in joints:
        if each.marked:
            return each
    for record in halves:
        known = parse_marker(record.marker)
        if known is not None:
            ours = own_marker(run, record) is not None
            whose = "another record" if ours else f"another record by the installation {known.installation!r}"
            return f"{record.label} carries the marker of the mirror of {whose}: empty its marker field first"
    for each in joints:
        if not each.mirror.marker:
            return each
    return (
        f"the marker fields of both {servicenow.label} and {jira.label} hold something else, and that is "
        "never overwritten: name other fields as servicenow.marker or jira.marker"
    )


def foresee(run: Run, found: Joint) -> Plan:
    """What the next pass would do about the pair: where they differ, each field's `first` decides."""
    servicenow, jira = found.record("servicenow"), found.record("jira")
    pair = Pair(
        0, found.route, servicenow.ref, jira.ref, found.origin.ref.side, servicenow.label, jira.label,
        created_at=run.clock(),
    )  # fmt: skip
    works = works_of(run, [pair])
    for work in works:
        for record in (servicenow, jira):
            work.show(record, run.clock())
    context = contexts(run, works, run.clock())[found.route]
    return plan(Snapshot(pair, servicenow, jira, run.clock()), works[0].vocabulary, context)


def join(run: Run, joints: Sequence[Joint]) -> list[Pair | NotJoined]:
    """Mark the mirrors, see that the markers are there, and store the pairs; in place of a pair, why not.

    A pair made so is found again after a lost state as any other: by its marker.
    """
    failed: dict[Ref, ConnectorError] = {}
    for side in SIDES:
        failed |= _mark(run, [each for each in joints if each.mirror.ref.side == side and not each.marked])
    shown: dict[Ref, Record | ConnectorError] = {}
    for side in SIDES:
        refs = [each.mirror.ref for each in joints if each.mirror.ref.side == side]
        shown |= dict(zip(refs, run.read(side, refs), strict=True))
    made: list[Pair | NotJoined] = []
    with run.store.transaction() as tx:
        for each in joints:
            record = shown[each.mirror.ref]
            if isinstance(record, Record) and record.marker == str(each.marker):
                made.append(pair_up(run, tx, each.route, each.origin, record))
            else:
                made.append(NotJoined(_why_not(run, each, failed.get(each.mirror.ref))))
    return made


def _mark(run: Run, joints: Sequence[Joint]) -> dict[Ref, ConnectorError]:
    """Write the markers of one side; the failures, by record."""
    steps = []
    for each in joints:
        field = marker_field(run, each.mirror.ref.side)
        value: Value = frozenset({str(each.marker)}) if field == LABELS else str(each.marker)
        action = Update(each.mirror.ref, {field: value}, {field: None}, each.mirror.version)
        steps.append((Step(action, (f"{each.label}: joined by a person",)), each.route))
    if not steps:
        return {}
    intents = intend(run, [(step, None, route) for step, route in steps])
    results = run.sides[joints[0].mirror.ref.side].write([step.action for step, _ in steps])
    run.counts["writes"] += len(steps)
    for intent, result in zip(intents, results, strict=True):
        _settle(run, intent, result)
    refs = [each.mirror.ref for each in joints]
    return {r: e for r, e in zip(refs, results, strict=True) if isinstance(e, ConnectorError)}


def _why_not(run: Run, found: Joint, error: ConnectorError | None) -> str:
    if error is not None:
        return f"{found.label}: {error}"
    field = marker_field(run, found.mirror.ref.side)
    return (
        f"{found.label}: {found.mirror.label} does not show the marker after the write: {field} is not "
        "writable for this account, or a rule empties it"
    )


def marker_field(run: Run, side: Side) -> str:
    """Where a side's marker stands."""
    return run.config.servicenow.marker if side == "servicenow" else run.config.jira.marker


def part(run: Run, pair: Pair, steps: Sequence[Step], *, anew: bool = False) -> None:
    """End a pair once `steps` have taken its marks off; neither half gets another mirror, unless `anew`.

    NotJoined if a mark could not be taken off; the pair goes on then.
    """
    write(run, steps, pair.route, pair)
    with run.store.transaction() as tx:
        unlink(run, tx, pair)
        part_for_good(tx, pair)
        if anew:
            free(tx, pair)
            tx.arrive([Arrival(pair.ref(side), "person") for side in SIDES], run.clock())
    run.counts["unlinked"] += 1


def unmarking(run: Run, pair: Pair) -> list[Step]:
    """What takes the marker off the mirror and the visible links off both halves, where they are."""
    steps: list[Step] = []
    for side in SIDES:
        record = run.read(side, [pair.ref(side)])[0]
        if not isinstance(record, Record):
            continue
        shown = pair.base.shown.get(side)
        if side == "jira" and shown:
            steps.append(_step(RemoveLink(record.ref, f"tieline:{pair.servicenow.id}"), pair))
        if side == "servicenow" and shown and record.values.get(run.config.servicenow.link) == shown:
            steps.append(_step(RemoveLink(record.ref, f"tieline:{pair.jira.id}"), pair))
        marker = own_marker(run, record)
        if marker is not None and marker.origin == pair.ref(other(side)).id:
            field = marker_field(run, side)
            before: Value = frozenset({record.marker}) if field == LABELS else record.marker
            steps.append(_step(Update(record.ref, {field: None}, {field: before}, record.version), pair))
    return steps


def _step(action: Action, pair: Pair) -> Step:
    return Step(action, (f"{pair.number} = {pair.key}: parted by a person",))


def write(run: Run, steps: Sequence[Step], route: str, pair: Pair | None) -> None:
    """Make these writes one by one, each journaled and audited. NotJoined at the first that fails."""
    for step in steps:
        (intent,) = intend(run, [(step, pair, route)])
        result = run.sides[_side(step.action)].write([step.action])[0]
        run.counts["writes"] += 1
        _settle(run, intent, result)
        if isinstance(result, ConnectorError):
            raise NotJoined(f"{result}. Run the command again when that is mended")


def _side(action: Action) -> Side:
    ref: Ref = getattr(action, "ref")  # noqa: B009  every action but Create has one, and none is made here
    return ref.side


def _settle(run: Run, intent: Intent, result: Applied | ConnectorError) -> None:
    kind: OutcomeKind = "applied"
    detail = ""
    if isinstance(result, ConnectorError):
        unknown = isinstance(result, Unknown)
        kind = "unknown" if unknown else "retry" if isinstance(result, Retryable) else "rejected"
        detail = str(result)
    with run.store.transaction() as tx:
        tx.audit([audit_entry(intent, kind, run.clock(), detail)])
        # Setting and taking off a marker may be repeated, so that a lost answer needs no probe.
        tx.remove_intent(intent.id)


def ended_pair(run: Run, ref: Ref) -> Pair | None:
    """The pair that a record was last in, where that has ended."""
    with run.store.read() as tx:
        return ended_pairs(tx, [ref]).get(ref)

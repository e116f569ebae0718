"""What follows when a resolved incident lacks what closure asks for: notes, labels, and that closing waits.

Each is done once for an incident and rule, and taken back when the rule is met: the label goes, and what was
held back goes on. Notes stay. Problems are opened in `opening`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import SIDES, AddNote, Record, Side, Update, Value
from tieline.sync.links.closure import Missing
from tieline.sync.links.holding import held_key, is_final
from tieline.sync.links.rules import LinkPolicy
from tieline.sync.model import Arrival, Pair
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.telling import REFUSED, Deed, do_once

COUNT: Final = "links_followed"
"""The count of incidents on which rules of closure were followed up."""
LABELS: Final = "labels"
"""Jira's field."""
LABELLED: Final = "links.labelled:"
UNLABELLED: Final = "links.unlabelled:"
RELEASED: Final = "links"
"""The reason of an arrival of a pair whose closing is not held back any more."""


@dataclass(frozen=True, slots=True)
class Due:
    """A pair that was looked at, what it lacks, and what the state knows of what was done about it.

    `closed`: the incident was closed already when the pair was last dealt with.
    """

    pair: Pair
    lacks: tuple[Missing, ...]
    known: Mapping[str, str]
    closed: bool

    @property
    def held(self) -> bool:
        """Whether its closing is held back."""
        return held_key(self.pair) in self.known

    @property
    def holds(self) -> list[Missing]:
        """What holds it back now; not what a person let go of, nor what comes too late."""
        if self.closed and not self.held:
            return []
        let_go = self.known.get(released_key(self.pair), "").split("\n")
        return [each for each in self.lacks if each.rule.hold and each.rule.id not in let_go]

    @property
    def column_set(self) -> bool:
        """Whether we set the column that keeps ServiceNow from closing it."""
        return self.known.get(_column(self.pair), REFUSED) != REFUSED


def follow_up(run: Run, looked: Sequence[Pair], missing: Iterable[Missing], policy: LinkPolicy) -> set[int]:
    """Do what the rules ask for on these resolved incidents; `missing` is all that they lack.

    Returns the ids of pairs of which something is still to be done: they are to be looked at again. Raises
    ConnectorError where a side kept us from it as a whole.
    """
    lacks: dict[str, list[Missing]] = {}
    for each in missing:
        lacks.setdefault(each.case.label, []).append(each)
    keys = {pair.id: list(_keys(pair, policy)) for pair in looked}
    with run.store.read() as tx:
        known = tx.notes([key for some in keys.values() for key in some])
    dues = [
        Due(
            pair, tuple(lacks.get(pair.number, ())), {k: known[k] for k in keys[pair.id] if k in known},
            _is_closed(run, pair),
        )
        for pair in looked
    ]  # fmt: skip
    _hold(run, dues)
    told = [deed for due in dues for deed in _notes(due)]
    do_once(run, told)
    touched = [due for due in dues if due.held or due.holds or _wanted(due) or _over(due, policy)]
    records = _read(run, [due.pair for due in touched])
    done = [deed for due in touched for deed in _deeds(run, due, records, policy)]
    do_once(run, done)
    _let_go(run, touched, records, policy)
    run.counts[COUNT] += len({deed.pair.id for deed in (*told, *done)})
    return _undone(run, [*told, *done])


def _is_closed(run: Run, pair: Pair) -> bool:
    """Whether the incident was closed for good when the pair was last dealt with, as far as that is known."""
    status = run.vocabularies[pair.route].status
    dealt = None if status is None else pair.base.unit(status.name).servicenow
    return status is not None and dealt is not None and is_final(status, "servicenow", dealt.values)


def _keys(pair: Pair, policy: LinkPolicy) -> Iterator[str]:
    """The small facts about a pair."""
    yield from (held_key(pair), released_key(pair), _column(pair), _freed(pair))
    for rule in policy.closure:
        yield from (_followed(pair, rule.id), _labelled(pair, rule.id))
        yield from (_told(pair, rule.id, side) for side in SIDES)


def released_key(pair: Pair) -> str:
    """The small fact that a person let an incident close: the ids of the rules, a line each."""
    return f"links.released:{pair.id}"


def _followed(pair: Pair, rule: str) -> str:
    """The fact that a rule was followed up, as older versions kept it: for both sides and the label."""
    return f"links.followed:{pair.id}:{rule}"


def _told(pair: Pair, rule: str, side: Side) -> str:
    return f"links.followed:{pair.id}:{rule}:{side}"


def _labelled(pair: Pair, rule: str) -> str:
    return f"{LABELLED}{pair.id}:{rule}"


def _unlabelled(pair: Pair, rule: str) -> str:
    return f"{UNLABELLED}{pair.id}:{rule}"


def _column(pair: Pair) -> str:
    return f"links.column:{pair.id}"


def _freed(pair: Pair) -> str:
    return f"links.freed:{pair.id}"


# Notes


def _notes(due: Due) -> Iterator[Deed]:
    """The notes that were not written yet."""
    holding = {each.rule.id for each in due.holds}
    for each in due.lacks:
        asks = each.rule.note or each.rule.id in holding
        if not asks or _followed(due.pair, each.rule.id) in due.known:
            continue
        lines = [each.rule.note, each.reason]
        if each.rule.id in holding:
            lines.append(
                "Closing is held back until that stands. To let it close as it is: "
                f"tieline links release {due.pair.number}"
            )
        for side in SIDES:
            key = _told(due.pair, each.rule.id, side)
            if key not in due.known:
                note = AddNote(due.pair.ref(side), "\n".join(filter(None, lines)))
                yield Deed(due.pair, note, why(each), (key,))


def why(each: Missing) -> str:
    """For the audit."""
    return f"closure: {each.reason} (rule {each.rule.id})"


# Labels


def _wanted(due: Due) -> list[Missing]:
    """What asks for a label that was not put there yet."""
    done = {_labelled, _followed}
    return [
        each for each in due.lacks
        if each.rule.label and not any(key(due.pair, each.rule.id) in due.known for key in done)
    ]  # fmt: skip


def _over(due: Due, policy: LinkPolicy) -> list[tuple[str, str]]:
    """Rule and label of ours whose rule is met by now, and which no other rule still asks for."""
    lacking = {each.rule.id for each in due.lacks}
    needed = {each.rule.label for each in due.lacks}
    return [
        (rule.id, rule.label) for rule in policy.closure
        if rule.label and rule.id not in lacking and rule.label not in needed
        and due.known.get(_labelled(due.pair, rule.id), REFUSED) != REFUSED
    ]  # fmt: skip


def _label_deeds(due: Due, issue: Record, policy: LinkPolicy) -> Iterator[Deed]:
    """All labels in one write, those of others kept."""
    wanted, over = _wanted(due), _over(due, policy)
    held = issue.values.get(LABELS)
    there = held if isinstance(held, frozenset) else frozenset()
    labels = (there | {each.rule.label for each in wanted}) - {label for _, label in over}
    keys = [_labelled(due.pair, each.rule.id) for each in wanted]
    keys += [_unlabelled(due.pair, rule) for rule, _ in over]
    if labels != there:
        reasons = [why(each) for each in wanted] + [f"closure: rule {rule} is met" for rule, _ in over]
        update = Update(issue.ref, {LABELS: labels or None}, {LABELS: held}, issue.version)
        yield Deed(due.pair, update, "; ".join(reasons), tuple(keys))


# Holding back


def _hold(run: Run, dues: Sequence[Due]) -> None:
    """Remember what is held back, and why: the next plan goes by it."""
    with run.store.transaction() as tx:
        for due in dues:
            said = "; ".join(f"{each.reason} (rule {each.rule.id})" for each in due.holds)
            if said and said != due.known.get(held_key(due.pair)):
                tx.set_note(held_key(due.pair), said)
    run.counts["links_held"] += sum(bool(due.holds) and not due.held for due in dues)


def _column_deeds(run: Run, due: Due, incident: Record) -> Iterator[Deed]:
    """What sets the column that keeps ServiceNow from closing it, and what empties it again."""
    column = None if run.config.links is None else run.config.links.hold
    if column is None:
        return
    now = incident.values.get(column.servicenow)
    if due.holds and _column(due.pair) not in due.known:
        value: Value = column.held
        key = _column(due.pair)
    elif not due.holds and due.column_set and now == column.held:
        value, key = column.free or None, _freed(due.pair)
    else:
        return
    reasons = "; ".join(why(each) for each in due.holds) or "closure: nothing holds it back any more"
    update = Update(incident.ref, {column.servicenow: value}, {column.servicenow: now}, incident.version)
    yield Deed(due.pair, update, reasons, (key,))


def _let_go(
    run: Run, dues: Iterable[Due], records: Mapping[tuple[int, Side], Record], policy: LinkPolicy
) -> None:
    """What is not held back any more goes on: since the rule is met, or since a person freed the column."""
    column = None if run.config.links is None else run.config.links.hold
    now = run.clock()
    with run.store.transaction() as tx:
        freed = tx.notes([_freed(due.pair) for due in dues if due.held])
        for due in dues:
            record = records.get((due.pair.id, "servicenow"))
            stands = None if column is None or record is None else record.values.get(column.servicenow)
            by_hand = column is not None and record is not None and due.column_set and stands != column.held
            free = column is None or not due.column_set or by_hand or _freed(due.pair) in freed
            if due.held and due.holds and by_hand:
                let_close(tx, due.pair, [each.rule.id for each in due.holds])
                forget_hold(tx, due.pair)
            elif due.held and not due.holds and free:
                forget_hold(tx, due.pair)
                _forget_told(tx, due, policy)
            else:
                continue
            tx.arrive([Arrival(due.pair.servicenow, RELEASED)], now, run.started)


def _forget_told(tx: Tx, due: Due, policy: LinkPolicy) -> None:
    """What is held back once more, since somebody took the link away again, is said once more."""
    lacking = {each.rule.id for each in due.lacks}
    for rule in policy.closure:
        if rule.hold and rule.id not in lacking:
            for side in SIDES:
                tx.drop_note(_told(due.pair, rule.id, side))


def let_close(tx: Tx, pair: Pair, rules: Sequence[str]) -> None:
    """A person lets an incident close though these rules hold it back; that is remembered.

    A column of ServiceNow that we set is freed by the next look.
    """
    known = [rule for rule in (tx.note(released_key(pair)) or "").split("\n") if rule]
    tx.set_note(released_key(pair), "\n".join(dict.fromkeys([*known, *rules])))
    if (tx.note(_column(pair)) or REFUSED) == REFUSED:
        forget_hold(tx, pair)


def held_back(run: Run, pairs: Iterable[Pair]) -> frozenset[str]:
    """The numbers of the incidents whose closing is held back."""
    by_key = {held_key(pair): pair.number for pair in pairs}
    with run.store.read() as tx:
        return frozenset(by_key[key] for key in tx.notes(by_key))


def forget_hold(tx: Tx, pair: Pair) -> None:
    """The closing of a pair is not held back any more."""
    for key in (held_key(pair), _column(pair), _freed(pair)):
        tx.drop_note(key)


# What is common


def _read(run: Run, pairs: Sequence[Pair]) -> dict[tuple[int, Side], Record]:
    shown = run.read_both({side: [pair.ref(side) for pair in pairs] for side in SIDES})
    return {
        (pair.id, side): record
        for side in SIDES
        for pair, record in zip(pairs, shown[side], strict=bool(shown[side]))
        if isinstance(record, Record)
    }


def _deeds(
    run: Run, due: Due, records: Mapping[tuple[int, Side], Record], policy: LinkPolicy
) -> Iterator[Deed]:
    issue, incident = (records.get((due.pair.id, side)) for side in ("jira", "servicenow"))
    if issue is not None:
        yield from _label_deeds(due, issue, policy)
    if incident is not None:
        yield from _column_deeds(run, due, incident)


def _undone(run: Run, deeds: Sequence[Deed]) -> set[int]:
    """The pairs of which something is still to be done; what was taken back may be done once more."""
    with run.store.transaction() as tx:
        known = tx.notes([key for deed in deeds for key in deed.keys])
        for key in known:
            if key.startswith(UNLABELLED):
                tx.drop_note(key)
                tx.drop_note(f"{LABELLED}{key.removeprefix(UNLABELLED)}")
    return {deed.pair.id for deed in deeds if not known.keys() >= set(deed.keys)}

"""Carries out what a survey found: wishes for relations, proposals with a note on both sides, follow-ups.

Relations are made by the next pass, like any other; notes go through intents and audit at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tieline.connectors.base import SIDES, AddNote, Record, Side, Update
from tieline.sync.apply import write_steps
from tieline.sync.errand import came_through, read_both, works_of
from tieline.sync.links.closure import Missing
from tieline.sync.links.decide import Verdict, closed_by_links, proposals
from tieline.sync.links.model import Proposal, ProposalState
from tieline.sync.links.relations import relate
from tieline.sync.links.survey import Surveyed
from tieline.sync.model import Pair, Step
from tieline.sync.run import Run
from tieline.sync.store.store import Tx


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one incident: relations wished for, and new or changed proposals with their numbers."""

    pair: Pair
    linked: tuple[Verdict, ...]
    proposed: tuple[tuple[int, Proposal], ...]


def settle(run: Run, surveyed: Sequence[Surveyed]) -> list[Carried]:
    """Remember what is proposed, wish for what links by itself, and end what somebody carried out."""
    now = run.clock()
    done = []
    with run.store.transaction() as tx:
        for each in surveyed:
            known = {proposal.key: proposal for _, proposal in each.known}
            linked = [v for v in each.verdicts if v.decision == "link"]
            for verdict in linked:
                why = f"{verdict.evidence[0].reason} (rule {verdict.rule})"
                target = verdict.target
                relate(tx, each.pair, verdict.relation, target.ref, why, at=now, label=target.label)
            fresh = proposals(each.verdicts, each.pair.servicenow, each.case.label, known, now)
            over = closed_by_links(known.values(), each.standing, now)
            tx.save_proposals([*fresh, *over, *(_linked(v, each, now) for v in linked)])
            new = {proposal.key for proposal in fresh if proposal.key not in known}
            numbered = [
                (number, proposal)
                for number, proposal in tx.proposals_of([each.pair.servicenow]).get(each.pair.servicenow, [])
                if proposal.key in new
            ]
            done.append(Carried(each.pair, tuple(linked), tuple(numbered)))
    return done


def _linked(verdict: Verdict, each: Surveyed, now: datetime) -> Proposal:
    """Remembered like a proposal that was carried out: if a person removes the link, it stays away."""
    return Proposal(
        each.pair.servicenow, verdict.relation, verdict.target, verdict.evidence, verdict.score, "linked",
        verdict.rule, each.case.label, now, now, "policy",
    )  # fmt: skip


def note_proposals(run: Run, carried: Iterable[Carried]) -> int:
    """An internal note on both sides for each incident with new proposals; how many incidents."""
    notes = {c.pair.id: (c.pair, _note(c.proposed)) for c in carried if c.proposed}
    return write_notes(run, notes)


def _note(proposed: Sequence[tuple[int, Proposal]]) -> str:
    lines = ["Tieline proposes:"]
    for number, proposal in proposed:
        relation = proposal.relation.replace("_", " ")
        lines.append(f"- {relation} {proposal.target.label}: {proposal.evidence[0].reason}")
        lines.append(f"  To accept, make the link or run: tieline links accept {number}")
        lines.append(f"  To reject: tieline links reject {number}")
    return "\n".join(lines)


def follow_up(run: Run, missing: Iterable[Missing], pairs: Mapping[str, Pair]) -> int:
    """The notes and labels of rules of closure, once for each incident and rule; on how many incidents."""
    due: dict[int, tuple[Pair, list[Missing]]] = {}
    with run.store.read() as tx:
        for each in missing:
            pair = pairs.get(each.case.label)
            asks = each.rule.note or each.rule.label
            if pair is not None and asks and tx.note(_followed(pair, each)) is None:
                due.setdefault(pair.id, (pair, []))[1].append(each)
    works = works_of(run, [pair for pair, _ in due.values()])
    read_both(run, works)
    for work in works:
        several = due[work.pair.id][1]
        work.steps = [step for each in several for step in _notes(work.records, each)]
        work.steps += _labels(work.records.get("jira"), several)
    counts = {work.pair.id: len(work.steps) for work in works}
    write_steps(run, works)
    done = [due[id_] for id_, count in counts.items() if count and came_through(run, id_, count)]
    with run.store.transaction() as tx:
        for pair, several in done:
            for each in several:
                tx.set_note(_followed(pair, each), run.clock().isoformat())
    return len(done)


def _followed(pair: Pair, each: Missing) -> str:
    """The small fact that a rule was followed up on an incident."""
    return f"links.followed:{pair.id}:{each.rule.id}"


def _notes(records: Mapping[Side, Record], each: Missing) -> list[Step]:
    if not each.rule.note:
        return []
    text = f"{each.rule.note}\n{each.reason}"
    return [Step(AddNote(record.ref, text), (_why(each),)) for record in records.values()]


def _labels(jira: Record | None, several: Sequence[Missing]) -> list[Step]:
    """All labels in one write, those of others kept."""
    if jira is None:
        return []
    held = jira.values.get("labels")
    there = held if isinstance(held, frozenset) else frozenset()
    asked = [each for each in several if each.rule.label and each.rule.label not in there]
    if not asked:
        return []
    change = {"labels": there | {each.rule.label for each in asked}}
    return [Step(Update(jira.ref, change, {"labels": held}, jira.version), tuple(map(_why, asked)))]


def _why(each: Missing) -> str:
    return f"closure: {each.reason} (rule {each.rule.id})"


def write_notes(run: Run, notes: Mapping[int, tuple[Pair, str]]) -> int:
    """The same internal note on both halves of each pair; how many pairs."""
    works = works_of(run, [pair for pair, _ in notes.values()])
    read_both(run, works)
    for work in works:
        text = notes[work.pair.id][1]
        work.steps = [Step(AddNote(work.pair.ref(side), text), ("links: proposed",)) for side in SIDES]
    write_steps(run, works)
    return len(works)


def accept(tx: Tx, proposal: Proposal, pair: Pair, now: datetime) -> Proposal:
    """A person says yes: the relation is wished for, and the next pass makes it."""
    why = "a person accepted what was proposed"
    relate(tx, pair, proposal.relation, proposal.target.ref, why, at=now, label=proposal.target.label)
    return decided(tx, proposal, "accepted", now)


def decided(tx: Tx, proposal: Proposal, state: ProposalState, now: datetime) -> Proposal:
    """Remember what a person said."""
    said = replace(proposal, state=state, decided_at=now, decided_by="a person")
    tx.save_proposals([said])
    return said

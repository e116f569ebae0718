"""Carries out what a survey found: wishes for relations, proposals with a note on both sides, follow-ups.

Relations are made by the next pass, like any other; notes go through intents and audit at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import SIDES, AddNote, Record, Side, Target, Update
from tieline.sync.apply import write_steps
from tieline.sync.errand import came_through, read_both, works_of
from tieline.sync.links.closure import Missing
from tieline.sync.links.decide import Verdict, closed_by_links, proposals
from tieline.sync.links.model import NEW_PROBLEM, Evidence, Proposal, ProposalState
from tieline.sync.links.relations import relate
from tieline.sync.links.survey import Surveyed
from tieline.sync.model import Pair, Step
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.telling import Notice, tell

MANY: Final = 10_000
"""As many open proposals are looked through for one that asks the same."""


def settle(run: Run, surveyed: Sequence[Surveyed]) -> None:
    """Remember what is proposed, wish for what links by itself, and end what somebody carried out."""
    now = run.clock()
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
            run.counts["links_wanted"] += len(linked)
            run.counts["links_proposed"] += sum(proposal.key not in known for proposal in fresh)


def _linked(verdict: Verdict, each: Surveyed, now: datetime) -> Proposal:
    """Remembered like a proposal that was carried out: if a person removes the link, it stays away."""
    return Proposal(
        each.pair.servicenow, verdict.relation, verdict.target, verdict.evidence, verdict.score, "linked",
        verdict.rule, each.case.label, now, now, "policy",
    )  # fmt: skip


def note_proposals(run: Run, pairs: Sequence[Pair]) -> list[Pair]:
    """One internal note on both sides for the open proposals of each that were not told yet.

    A note that a side refuses is not tried again. Returns the pairs of which one is still to be written.
    """
    with run.store.read() as tx:
        known = tx.proposals_of([pair.servicenow for pair in pairs])
    tell(run, [notice for pair in pairs for notice in _notices(run, pair, known.get(pair.servicenow, ()))])
    return [pair for pair in pairs if list(_notices(run, pair, known.get(pair.servicenow, ())))]


def _notices(run: Run, pair: Pair, known: Sequence[tuple[int, Proposal]]) -> Iterator[Notice]:
    """What the two halves of a pair were not told yet."""
    waiting = [(number, proposal) for number, proposal in known if proposal.state == "open"]
    if not waiting:
        return
    with run.store.read() as tx:
        told = tx.notes([_told(side, number) for number, _ in waiting for side in SIDES])
    for side in SIDES:
        due = [(number, proposal) for number, proposal in waiting if _told(side, number) not in told]
        if due:
            keys = tuple(_told(side, number) for number, _ in due)
            yield Notice(pair, side, _note(due), "links: proposed", keys)


def _told(side: Side, number: int) -> str:
    """The small fact that a proposal was noted on a side."""
    return f"links.told:{side}:{number}"


def _note(proposed: Sequence[tuple[int, Proposal]]) -> str:
    lines = ["Tieline proposes:"]
    for number, proposal in proposed:
        relation = proposal.relation.replace("_", " ")
        lines.append(f"- {relation} {proposal.target.label}: {proposal.evidence[0].reason}")
        if proposal.target.ref == NEW_PROBLEM:
            lines.append("  To accept, open a problem and tie the incident to it")
        else:
            lines.append(f"  To accept, make the link or run: tieline links accept {number}")
        lines.append(f"  To reject: tieline links reject {number}")
    return "\n".join(lines)


def propose_problems(run: Run, missing: Iterable[Missing], pairs: Mapping[str, Pair]) -> list[Pair]:
    """Propose to open a problem where a rule of closure says so, once for those that are alike; for whom."""
    now, made = run.clock(), []
    due = [each for each in missing if each.rule.problem == "propose" and each.case.label in pairs]
    with run.store.transaction() as tx:
        mine = tx.proposals_of([pairs[each.case.label].servicenow for each in due]) if due else {}
        asked = {p.incident_label for _, p in tx.proposals("open", MANY) if p.target.ref == NEW_PROBLEM}
        for each in due:
            pair = pairs[each.case.label]
            had = any(p.target.ref == NEW_PROBLEM for _, p in mine.get(pair.servicenow, ()))
            if not had and not asked & {each.case.label, *each.alike}:
                tx.save_proposals([_opening(each, pair, now)])
                asked.add(each.case.label)
                made.append(pair)
    return made


def _opening(each: Missing, pair: Pair, now: datetime) -> Proposal:
    target = Target(NEW_PROBLEM, "(a new one)")
    speaks = Evidence("closure", "problem", target, 1.0, each.reason, f"rule {each.rule.id}")
    return Proposal(
        pair.servicenow, "problem", target, (speaks,), 1.0, "open", each.rule.id, each.case.label, now
    )


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

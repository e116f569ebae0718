"""Carries out what a survey found: wishes for relations, proposals with a note on both sides, follow-ups.

Relations are made by the next pass, like any other; notes go through intents and audit at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import SIDES, Side, Target
from tieline.sync.links.closure import Missing
from tieline.sync.links.decide import Verdict, closed_by_links, proposals
from tieline.sync.links.followup import follow_up
from tieline.sync.links.model import NEW_PROBLEM, Evidence, Proposal, ProposalState
from tieline.sync.links.opening import open_problems
from tieline.sync.links.relations import relate
from tieline.sync.links.rules import LinkPolicy, Opening
from tieline.sync.links.survey import Surveyed
from tieline.sync.model import Pair
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
    waiting = [(number, proposal) for number, proposal in known if _is_news(proposal)]
    if not waiting:
        return
    with run.store.read() as tx:
        told = tx.notes([_told(side, number) for number, _ in waiting for side in SIDES])
    for side in SIDES:
        due = [(number, proposal) for number, proposal in waiting if _told(side, number) not in told]
        if due:
            keys = tuple(_told(side, number) for number, _ in due)
            yield Notice(pair, side, _note(due), "links: proposed", keys)


def _is_news(proposal: Proposal) -> bool:
    """Whether people are told of it: what waits for them, and what a rule of closure did by itself."""
    return proposal.state == "open" or (proposal.decided_by == "policy" and _is_closure(proposal))


def _is_closure(proposal: Proposal) -> bool:
    return proposal.evidence[0].kind == "closure"


def _told(side: Side, number: int) -> str:
    """The small fact that a proposal was noted on a side."""
    return f"links.told:{side}:{number}"


def _note(proposed: Sequence[tuple[int, Proposal]]) -> str:
    done = [proposal for _, proposal in proposed if proposal.state != "open"]
    lines = [
        f"Tieline ties this to the problem {p.target.label} (rule {p.rule}): {p.evidence[0].reason}. "
        "If it is another one's, take the link away: it stays away"
        for p in done
    ]
    waiting = [(number, proposal) for number, proposal in proposed if proposal.state == "open"]
    lines += ["Tieline proposes:"] if waiting else []
    for number, proposal in waiting:
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


def carry_out(
    run: Run, missing: Sequence[Missing], pairs: Mapping[str, Pair], policy: LinkPolicy
) -> set[int]:
    """Do what rules of closure ask for; `pairs` are those that were looked at, by number.

    Returns the ids of pairs of which something is still to be done.
    """
    if (
        run.config.links is None or not run.config.links.ties_problems
    ):  # nothing could tie the incidents to it
        missing = [replace(m, rule=replace(m.rule, problem=_proposed(m.rule.problem))) for m in missing]
    left = follow_up(run, list(pairs.values()), missing, policy)
    news, waiting = open_problems(run, missing, pairs)
    propose_problems(run, missing, pairs)
    untold = {pair.id for pair in note_proposals(run, news)}
    return left | waiting | (untold & {pair.id for pair in pairs.values()})


def _proposed(problem: Opening) -> Opening:
    return "propose" if problem else ""


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

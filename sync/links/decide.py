"""What becomes of evidence: link, propose or ignore, by the first rule that it meets. Pure.

Nobody is asked twice: what was rejected stays so, and a proposal ends where the relation stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import Ref
from tieline.sync.links.evidence import joined
from tieline.sync.links.model import NEW_PROBLEM, Decision, Evidence, Proposal, Relation, Target
from tieline.sync.links.rules import LinkPolicy, LinkRule
from tieline.sync.policy.conditions import Moment, holds
from tieline.sync.policy.fields import Record

SINGLE: Final[frozenset[Relation]] = frozenset({"problem", "caused_by", "cured_by", "parent"})
"""Relations of which an incident has one at most: each is one column in ServiceNow."""
NO_RULE: Final = "no rule"
Standing = Mapping[Relation, frozenset[Ref]]
"""What an incident is tied to."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about one relation, by which rule, and why."""

    relation: Relation
    target: Target
    decision: Decision
    rule: str
    score: float
    evidence: tuple[Evidence, ...]
    why: str = ""


def decide(
    found: Iterable[Evidence],
    policy: LinkPolicy,
    record: Record,
    moment: Moment,
    standing: Standing,
    rejected: frozenset[tuple[Relation, Ref]] = frozenset(),
) -> list[Verdict]:
    """A verdict for each relation and target that something speaks for; what stands already has none.

    `record` is the incident in the policy's fields, `standing` what it is tied to, `rejected` what a person
    said no to. Where two targets of a relation that can have only one would be linked, both are proposed.
    """
    grouped: dict[tuple[Relation, Ref], list[Evidence]] = {}
    for each in found:
        grouped.setdefault((each.relation, each.target.ref), []).append(each)
    verdicts = [
        _verdict(several, policy, record, moment, standing, rejected)
        for (relation, ref), several in grouped.items()
        if ref not in standing.get(relation, frozenset())
    ]
    return sorted(_one_at_most(verdicts), key=lambda v: (-v.score, v.relation, v.target.label))


def _verdict(
    found: Sequence[Evidence], policy: LinkPolicy, record: Record, moment: Moment,
    standing: Standing, rejected: frozenset[tuple[Relation, Ref]],
) -> Verdict:  # fmt: skip
    first = found[0]
    relation, target, score = first.relation, first.target, joined(found)
    strongest = tuple(sorted(found, key=lambda e: -e.weight))
    rule, reached = speaking(policy.rules, found, record, moment)
    decision: Decision = "ignore" if rule is None else rule.then
    why = "" if rule is None or not rule.about else rule.about
    if (relation, target.ref) in rejected:
        decision, why = "ignore", "a person rejected it"
    elif relation in SINGLE and standing.get(relation) and decision != "ignore":
        decision, why = "ignore", f"it has another {relation.replace('_', ' ')} already"
    return Verdict(
        relation, target, decision, rule.id if rule else NO_RULE, max(score, reached), strongest, why
    )


def speaking(
    rules: Iterable[LinkRule], found: Sequence[Evidence], record: Record, moment: Moment
) -> tuple[LinkRule | None, float]:
    """The first rule that the evidence meets, and how much of it that rule counts."""
    for rule in rules:
        counting = [each for each in found if rule.asks_for(each.kind)]
        if not counting or (rule.relations and counting[0].relation not in rule.relations):
            continue
        reached = joined(counting)
        if reached >= rule.at_least and holds(rule.when, record, moment):
            return rule, reached
    return None, 0.0


def _one_at_most(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Where two would be linked and there is room for one, people decide between them."""
    wanted: dict[Relation, int] = {}
    for verdict in verdicts:
        if verdict.decision == "link":
            wanted[verdict.relation] = wanted.get(verdict.relation, 0) + 1
    return [
        replace(v, decision="propose", why="several are named, and there can be one")
        if v.decision == "link" and v.relation in SINGLE and wanted[v.relation] > 1
        else v
        for v in verdicts
    ]


def refused(known: Iterable[Proposal], standing: Standing) -> frozenset[tuple[Relation, Ref]]:
    """What people said no to: by rejecting it, or by removing the link once it was made."""
    return frozenset(
        (proposal.relation, proposal.target.ref)
        for proposal in known
        if proposal.state == "rejected"
        or (
            proposal.state in ("accepted", "linked")
            and proposal.target.ref not in standing.get(proposal.relation, ())
        )
    )


def proposals(
    verdicts: Iterable[Verdict],
    incident: Ref,
    label: str,
    known: Mapping[tuple[Ref, Relation, Ref], Proposal],
    now: datetime,
) -> list[Proposal]:
    """The proposals to keep: new ones, and open ones whose evidence changed; the others are as they were."""
    made = []
    for verdict in verdicts:
        if verdict.decision != "propose":
            continue
        fresh = Proposal(
            incident, verdict.relation, verdict.target, verdict.evidence, verdict.score, "open", verdict.rule,
            label, now,
        )  # fmt: skip
        old = known.get(fresh.key)
        if old is None:
            made.append(fresh)
        elif old.state == "open" and replace(fresh, made_at=old.made_at) != old:
            made.append(replace(fresh, made_at=old.made_at))
    return made


def closed_by_links(known: Iterable[Proposal], standing: Standing, now: datetime) -> list[Proposal]:
    """Open proposals that are over, since somebody made the link: it was accepted by doing it."""
    return [
        replace(proposal, state="linked", decided_at=now)
        for proposal in known
        if proposal.state == "open" and _made(proposal, standing.get(proposal.relation, frozenset()))
    ]


def _made(proposal: Proposal, stands: frozenset[Ref]) -> bool:
    """Whether what was proposed stands; any problem will do where one was to be opened."""
    return proposal.target.ref in stands or (proposal.target.ref == NEW_PROBLEM and bool(stands))

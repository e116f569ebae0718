"""Proposals, verdicts, closure and clusters as text and JSON. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tieline.connectors.base import Ref
from tieline.sync.links.closure import MIN_CASES, Cluster, Missing, Period
from tieline.sync.links.decide import Verdict
from tieline.sync.links.model import Evidence, Proposal
from tieline.sync.links.rules import LinkPolicy
from tieline.sync.links.survey import Surveyed


def spoken(relation: str) -> str:
    """A relation for people."""
    return relation.replace("_", " ")


def proposal_line(number: int, proposal: Proposal) -> str:
    """One proposal on one line."""
    why = proposal.evidence[0].reason if proposal.evidence else ""
    state = "" if proposal.state == "open" else f", {proposal.state}"
    return (
        f"{number:>5}  {proposal.incident_label}  {spoken(proposal.relation)} {proposal.target.label}  "
        f"{proposal.score:.2f}{state}  {why}"
    )


def proposal_json(number: int, proposal: Proposal) -> dict[str, Any]:
    """One proposal for machines."""
    return {
        "number": number,
        "incident": proposal.incident_label,
        "relation": proposal.relation,
        "target": proposal.target.label,
        "score": round(proposal.score, 4),
        "state": proposal.state,
        "rule": proposal.rule,
        "made_at": _time(proposal.made_at),
        "decided_at": _time(proposal.decided_at),
        "decided_by": proposal.decided_by,
        "evidence": [evidence_json(each) for each in proposal.evidence],
    }


def evidence_json(each: Evidence) -> dict[str, Any]:
    """One piece of evidence for machines."""
    weight = round(each.weight, 4)
    return {"kind": each.kind, "weight": weight, "reason": each.reason, "source": each.source}


def surveyed_lines(each: Surveyed) -> list[str]:
    """What was found for one incident; nothing where there is nothing to do."""
    shown = [verdict for verdict in each.verdicts if verdict.decision != "ignore"]
    return [f"{each.case.label} = {each.pair.key}", *_verdict_lines(shown)] if shown else []


def _verdict_lines(verdicts: Sequence[Verdict]) -> list[str]:
    lines = []
    for verdict in verdicts:
        head = f"{verdict.decision} {spoken(verdict.relation)} {verdict.target.label} ({verdict.score:.2f}"
        why = f"; {verdict.why.rstrip('.')}" if verdict.why else ""
        lines.append(f"  {head}, rule {verdict.rule}{why})")
        lines += [f"    {e.weight:.2f} {e.kind}: {e.reason} [{e.source}]" for e in verdict.evidence]
    return lines


def surveyed_json(each: Surveyed) -> dict[str, Any]:
    """What was found for one incident."""
    return {
        "incident": each.case.label,
        "key": each.pair.key,
        "found": [
            {
                "decision": verdict.decision,
                "relation": verdict.relation,
                "target": verdict.target.label,
                "score": round(verdict.score, 4),
                "rule": verdict.rule,
                "why": verdict.why,
                "evidence": [evidence_json(e) for e in verdict.evidence],
            }
            for verdict in each.verdicts
        ],
    }


def graph_lines(
    each: Surveyed, policy: LinkPolicy, lacks: Sequence[Missing], held: Collection[str]
) -> list[str]:
    """The incident with all that it is tied to, then what is open, then what its closure lacks."""
    ties = [f"  {spoken(link.relation)}: {link.target.label}" for link in each.links]
    waiting = [proposal_line(number, p) for number, p in each.known if p.state == "open"]
    lines = [f"{each.case.label} = {each.pair.key}", *(ties or ["  tied to nothing"])]
    lines += ["proposals", *waiting] if waiting else []
    lines += ["what speaks for more", *_verdict_lines(each.verdicts)] if each.verdicts else []
    for id_ in dict.fromkeys(v.rule for v in each.verdicts):
        rule = policy.rule(id_)
        where = "usual" if rule is None or not rule.spot.file else rule.spot.short
        if rule is not None:
            lines.append(f"  rule {id_}: {where}{'; ' + rule.about if rule.about else ''}")
    return [*lines, *(f"missing: {_missing_line(lack, held)}" for lack in lacks)]


def _missing_line(each: Missing, held: Collection[str]) -> str:
    waits = "; closing is held back" if each.rule.hold and each.case.label in held else ""
    return f"{each.reason} (rule {each.rule.id}){waits}"


def graph_json(each: Surveyed, lacks: Sequence[Missing], held: Collection[str]) -> dict[str, Any]:
    """The same for machines."""
    return {
        **surveyed_json(each),
        "links": [{"relation": link.relation, "target": link.target.label} for link in each.links],
        "proposals": [proposal_json(number, proposal) for number, proposal in each.known],
        "missing": [_missing_json(lack, held) for lack in lacks],
    }


def missing_lines(
    found: Sequence[Missing], periods: Sequence[Period], closed: int, held: Collection[str]
) -> list[str]:
    """What resolved incidents lack, and the share of complete closures."""
    lines = [_missing_line(each, held) for each in found]
    incomplete = len({each.case.ref for each in found})
    lines.append(f"{closed - incomplete} of {closed} resolved incidents are complete")
    lines += ["complete closures by month:"] if periods else []
    for period in periods:
        share = f"too few for a share (below {MIN_CASES})"
        if period.share is not None:
            share = f"{period.share:6.1%}"
        lines.append(f"  {period.start:%Y-%m}: {share}, {period.complete} of {period.closed}")
    return lines


def missing_json(
    found: Sequence[Missing], periods: Sequence[Period], closed: int, held: Collection[str]
) -> dict[str, Any]:
    """The same for machines."""
    return {
        "resolved": closed,
        "complete": closed - len({each.case.ref for each in found}),
        "missing": [_missing_json(each, held) for each in found],
        "periods": [
            {"from": _time(p.start), "resolved": p.closed, "complete": p.complete, "share": p.share}
            for p in periods
        ],
    }


def _missing_json(each: Missing, held: Collection[str]) -> dict[str, Any]:
    return {
        "incident": each.case.label,
        "rule": each.rule.id,
        "needs": sorted(each.rule.needs),
        "alike": list(each.alike),
        "problem": each.rule.problem,
        "held": each.rule.hold and each.case.label in held,
        "reason": each.reason,
    }


def cluster_lines(cluster: Cluster, labels: Mapping[Ref, str]) -> list[str]:
    """A cluster of incidents and its problems."""
    problems = ", ".join(sorted(labels.get(ref, ref.id) for ref in cluster.targets)) or "no problem"
    kind = f", {cluster.category}" if cluster.category else ""
    when = f"{cluster.first:%Y-%m-%d} to {cluster.last:%Y-%m-%d}"
    return [
        f"{len(cluster.cases)} on {cluster.about}{kind}, {when}: {problems}",
        f"  {', '.join(case.label for case in cluster.cases)}",
    ]


def cluster_json(cluster: Cluster, labels: Mapping[Ref, str]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "about": cluster.about,
        "category": cluster.category,
        "incidents": [case.label for case in cluster.cases],
        "first": _time(cluster.first),
        "last": _time(cluster.last),
        "problems": sorted(labels.get(ref, ref.id) for ref in cluster.targets),
    }


def _time(at: Any) -> str | None:
    return None if at is None else at.isoformat()

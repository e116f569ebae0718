"""Opens the problem that a rule of closure asks for, once, and ties the incidents to it.

It is a create like that of a mirror: written down first, bearing a marker by which it is found again if the
answer is lost. Its marker is none of a mirror (`marker.parse_marker` does not know it), so that a route that
mirrors problems takes it for what it is: a problem that was raised in ServiceNow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import Applied, Create, Record, Ref, Target, Value
from tieline.connectors.errors import ConnectorError, Denied, Rejected, Retryable
from tieline.sync.journal import audit_entry, block, intend
from tieline.sync.links.closure import Missing
from tieline.sync.links.memory import doors
from tieline.sync.links.model import NEW_PROBLEM, Evidence, Proposal
from tieline.sync.links.relations import relate
from tieline.sync.links.relations_model import Standing
from tieline.sync.marker import digest
from tieline.sync.model import Intent, Pair, Step
from tieline.sync.pairing import choose_holder, pair_key
from tieline.sync.run import Run
from tieline.sync.store.store import Tx

COUNT: Final = "problems_opened"
PLACE: Final = "problem"
TITLE: Final = 160
"""The longest short_description of ServiceNow, as it comes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A problem that a rule wants opened, why, and the pairs of all incidents that it is for.

    The first of them is the one that lacks it.
    """

    rule: str
    reason: str
    group: tuple[Pair, ...]

    @property
    def pair(self) -> Pair:
        """The incident that lacks it."""
        return self.group[0]

    @property
    def why(self) -> str:
        """For the audit."""
        return f"{self.reason} (rule {self.rule})"

    def marker(self, installation: str) -> str:
        """What finds it again: the same for the same incident and rule."""
        return f"{installation}~problem~{digest(self.pair.servicenow)}~{self.rule[:30]}"


def is_opening(action: Create) -> bool:
    """Whether a create opens a record for another one of its own side, and makes no mirror."""
    return action.origin.side == action.side


def open_problems(
    run: Run, missing: Iterable[Missing], pairs: Mapping[str, Pair]
) -> tuple[list[Pair], set[int]]:
    """Open a problem where a rule of closure says so, or tie the incident to the one that its like have.

    `pairs` are those of the incidents by number. What ServiceNow refuses is proposed instead. Returns the
    pairs that people are to be told of, and the ids of those that wait for an answer, or a later try. Raises
    `Denied` if ServiceNow lets us in no more.
    """
    waiting: set[int] = set()
    news: list[Pair] = []
    for each in missing:
        pair = pairs.get(each.case.label)
        if each.rule.problem != "open" or pair is None:
            continue
        with run.store.transaction() as tx:
            wanted = Wanted(each.rule.id, each.reason, _group(tx, pair, each))
            if _answered(tx, wanted):
                continue
            busy = _busy(run, tx, wanted)
            shared = _shared(tx, wanted)
            if shared and not busy:
                _tie_to(run, tx, wanted, shared)
        if busy or (not shared and not _open(run, wanted, each)):
            waiting.add(pair.id)
        else:
            news += wanted.group
    return news, waiting


def _group(tx: Tx, pair: Pair, each: Missing) -> tuple[Pair, ...]:
    """The mirrored incidents that share a problem: those alike, and those of one outage; itself first."""
    own = tx.relations_of([pair.id]).get(pair.id, ())
    refs = {*each.near, *doors(own)}
    found = {other.id: other for other in tx.pairs_of(refs).values()}
    behind = tx.related_to(sorted({pair.servicenow, *doors(own)}))
    found |= tx.pairs({s.pair for s in behind if s.relation in ("parent", "duplicate")})
    found.pop(pair.id, None)
    return (pair, *(found[id_] for id_ in sorted(found) if found[id_].state == "active"))


def _answered(tx: Tx, wanted: Wanted) -> bool:
    """Whether this was settled for the incident before: by us, or by a person who wants none."""
    refused = tx.note(_refused(wanted)) is not None
    coming = any(s.relation == "problem" and s.wanted for s in _relations(tx, [wanted.pair]))
    known = tx.proposals_of([wanted.pair.servicenow]).get(wanted.pair.servicenow, ())
    said = any(
        p.rule == wanted.rule and p.relation == "problem"
        and (p.state == "rejected" or (p.state == "linked" and p.decided_by == "policy"))
        for _, p in known
    )  # fmt: skip
    return refused or coming or said


def _refused(wanted: Wanted) -> str:
    return f"links.unopened:{wanted.pair.id}:{wanted.rule}"


def _busy(run: Run, tx: Tx, wanted: Wanted) -> bool:
    """Whether a problem for one of these was asked for, and the answer is not known."""
    mine = {pair.id for pair in wanted.group}
    for intent in tx.open_intents():
        action = intent.step.action
        if isinstance(action, Create) and is_opening(action) and mine & set(_asked_for(tx, action)[2]):
            return True
    return pair_key(wanted.pair) in run.blocked


def _relations(tx: Tx, pairs: Sequence[Pair]) -> list[Standing]:
    return [s for some in tx.relations_of([pair.id for pair in pairs]).values() for s in some]


def _shared(tx: Tx, wanted: Wanted) -> list[Standing]:
    """The problems that the others have, or are about to get."""
    found = {
        s.target: s for s in _relations(tx, wanted.group[1:])
        if s.relation == "problem" and (s.servicenow or s.jira or s.wanted)
    }  # fmt: skip
    return [found[target] for target in sorted(found)]


def _tie_to(run: Run, tx: Tx, wanted: Wanted, shared: Sequence[Standing]) -> None:
    """The one problem that the others have is its problem, too; between several a person decides."""
    now = run.clock()
    for standing in shared:
        target = Target(Ref(standing.target.side, standing.target.id, PLACE), standing.label)
        if len(shared) == 1:
            _attach(tx, wanted.pair, wanted, target, now)
        else:
            tx.save_proposals([_proposal(wanted.pair, wanted, target, now)])


def _attach(tx: Tx, pair: Pair, wanted: Wanted, target: Target, now: datetime) -> None:
    """The next pass ties the incident to the problem; if a person removes that, it stays away."""
    relate(tx, pair, "problem", target.ref, wanted.why, at=now, label=target.label)
    done = replace(_proposal(pair, wanted, target, now), state="linked", decided_at=now, decided_by="policy")
    known = tx.proposals_of([pair.servicenow]).get(pair.servicenow, ())
    over = [replace(p, state="linked", decided_at=now) for _, p in known if p.state == "open" and _is_new(p)]
    tx.save_proposals([done, *over])


def _is_new(proposal: Proposal) -> bool:
    return proposal.target.ref == NEW_PROBLEM


def _proposal(pair: Pair, wanted: Wanted, target: Target, now: datetime, reason: str = "") -> Proposal:
    speaks = Evidence("closure", "problem", target, 1.0, reason or wanted.reason, f"rule {wanted.rule}")
    return Proposal(pair.servicenow, "problem", target, (speaks,), 1.0, "open", wanted.rule, pair.number, now)


# Opening


def _open(run: Run, wanted: Wanted, each: Missing) -> bool:
    """Open the problem. False: it is not known whether it was, or it is to be tried again."""
    if run.writes_left == 0:
        return False
    marker = wanted.marker(run.config.installation)
    side = run.sides["servicenow"]
    try:  # a state that was lost or put back does not know of it any more
        holders = side.find(marker, PLACE, "")
    except Denied:
        raise
    except ConnectorError:
        return False
    if holders:
        with run.store.transaction() as tx:
            _settle(run, tx, wanted, target_of(choose_holder(holders)))
        return True
    action = Create("servicenow", PLACE, _values(run, wanted, each), marker, wanted.pair.servicenow)
    with run.store.transaction() as tx:
        tx.set_note(_asked(marker), _packed(wanted))
    step = Step(action, (f"closure: {wanted.why}",))
    (intent,) = intend(run, [(step, wanted.pair, wanted.pair.route)])
    (result,) = side.write([action])
    run.counts["writes"] += 1
    return _after(run, wanted, intent, result)


def _after(run: Run, wanted: Wanted, intent: Intent, result: Applied | ConnectorError) -> bool:
    """What came of it, in one transaction."""
    now = run.clock()
    if isinstance(result, Applied):
        target = target_of(result.record) if result.record is not None else _looked_up(run, result.ref.id)
        with run.store.transaction() as tx:
            _settle(run, tx, wanted, target)
            tx.audit([audit_entry(intent, "applied", now, f"opened {target.label}")])
            tx.remove_intent(intent.id)
        return True
    with run.store.transaction() as tx:
        if isinstance(result, Rejected):
            tx.audit([audit_entry(intent, "rejected", now, str(result))])
            tx.remove_intent(intent.id)
            tx.set_note(_refused(wanted), now.isoformat())
            tx.save_proposals([_instead(wanted, result, now)])
        elif isinstance(result, Retryable | Denied):
            tx.audit([audit_entry(intent, "retry", now, str(result))])
            tx.remove_intent(intent.id)
        else:
            tx.mark_unknown(intent.id, now + run.config.limits.unknown_quiet)
            tx.audit([audit_entry(intent, "unknown", now, str(result))])
            block(run, intent)
    if isinstance(result, Denied):
        raise result
    return isinstance(result, Rejected)


def _instead(wanted: Wanted, error: Rejected, now: datetime) -> Proposal:
    """What ServiceNow refuses to open is proposed to people."""
    target = Target(NEW_PROBLEM, "(a new one)")
    words = f"{wanted.reason}; ServiceNow refused to open one: {error}"
    return _proposal(wanted.pair, wanted, target, now, words)


def _values(run: Run, wanted: Wanted, each: Missing) -> dict[str, Value]:
    """What the problem says: what the incident was about, and why it was opened."""
    case = each.case
    title = case.texts.get("short_description in servicenow") or f"Behind {case.label}"
    numbers = ", ".join(dict.fromkeys((*each.alike, *(pair.number for pair in wanted.group))))
    values: dict[str, Value] = {
        "short_description": title[:TITLE],
        "description": f"Opened by Tieline: {each.reason}.\nIncidents: {numbers}",
        "cmdb_ci": case.ci,
        "business_service": case.service,
        **({} if run.config.links is None else run.config.links.opened_with),
    }
    return {name: value for name, value in values.items() if value}


def _settle(run: Run, tx: Tx, wanted: Wanted, target: Target) -> None:
    """It is there: all incidents that have none are tied to it by the next pass."""
    now = run.clock()
    held = {
        s.pair for s in _relations(tx, wanted.group) if s.relation == "problem" and (s.servicenow or s.jira)
    }
    for pair in wanted.group:
        if pair.id not in held:
            _attach(tx, pair, wanted, target, now)
    tx.drop_note(_asked(wanted.marker(run.config.installation)))
    run.counts[COUNT] += 1


def target_of(record: Record) -> Target:
    """A problem that was opened."""
    return Target(Ref("servicenow", record.ref.id, PLACE), record.label, url=record.url)


def _looked_up(run: Run, id_: str) -> Target:
    """A problem whose answer did not show it."""
    found = run.sides["servicenow"].targets(PLACE, [id_])
    return found[0] if found else Target(Ref("servicenow", id_, PLACE), "a problem")


# After a lost answer, or a crash


def _asked(marker: str) -> str:
    """The small fact that keeps, while a problem is being opened, by which rule, why, and for whom."""
    return f"links.opening:{marker}"


def _packed(wanted: Wanted) -> str:
    return json.dumps([wanted.rule, wanted.reason, [pair.id for pair in wanted.group]])


def _asked_for(tx: Tx, action: Create) -> tuple[str, str, list[int]]:
    """Rule, reason and pairs of a problem that is being opened."""
    rule, reason, pairs = json.loads(tx.note(_asked(action.marker)) or '["", "", []]')
    return rule, reason, pairs


def recover_opening(run: Run, intent: Intent, action: Create) -> str | None:
    """Look whether a problem whose answer was lost was opened; its incidents are tied to it then.

    Returns the sentence for the audit, None if it was not made: it will be wanted again. Raises what kept
    us from looking.
    """
    holders = run.sides["servicenow"].find(action.marker, PLACE, action.watermark)
    with run.store.transaction() as tx:
        rule, reason, ids = _asked_for(tx, action)
        known = tx.pairs(ids)
        group = tuple(known[id_] for id_ in ids if id_ in known and known[id_].state == "active")
        if not holders:
            tx.drop_note(_asked(action.marker))
            return None
        target = target_of(choose_holder(holders))
        if group:
            _settle(run, tx, Wanted(rule, reason, group), target)
        tx.drop_note(_asked(action.marker))
    return f"its answer was lost; found by its marker: {target.label}"

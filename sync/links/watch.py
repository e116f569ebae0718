"""The part of a pass that looks for what resolved incidents belong to, as soon as something of them moved.

What moved is known from the state: a pass in which nothing relevant did asks no side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import Search
from tieline.sync.links.around import MANY
from tieline.sync.links.carry import carry_out, note_proposals, settle
from tieline.sync.links.closure import missing
from tieline.sync.links.evidence import Case
from tieline.sync.links.holding import held_key
from tieline.sync.links.memory import changed, concerned, looked_at
from tieline.sync.links.survey import Rules, Surveyed, rules_of, survey
from tieline.sync.model import Pair
from tieline.sync.pairing import pair_key
from tieline.sync.policy.model import Policy
from tieline.sync.run import Run

MOST: Final = 100
"""Incidents that one pass looks at; the others are looked at by the next."""
PAGE: Final = 500
LOOK_BACK: Final = timedelta(days=30)
"""What was resolved longer ago is left to `tieline links propose`."""
UPTO: Final = "links.upto"
"""Note: pairs that were compared before this time were looked at, if they had to be."""
LOOKED: Final = "links_looked"


def watch(run: Run, policy: Policy | None) -> None:
    """Survey the incidents that were compared since the last look, are resolved, and moved.

    Raises ConnectorError where a side kept us from it; the next pass begins at the same place.
    """
    pairs, upto = _due(run)
    recent = _recent(run, pairs)
    found: list[Surveyed] = []
    untold: set[int] = set()
    if recent:
        rules = rules_of(run, policy)
        found = survey(run, recent, rules)
        resolved = [each for each in found if each.case.resolved is not None]
        settle(run, resolved)
        untold = _closures(run, resolved, rules)
        untold |= {pair.id for pair in note_proposals(run, [each.pair for each in resolved])}
        run.counts[LOOKED] += len(resolved)
    unseen = {pair.id for pair in recent} - {each.pair.id for each in found}
    looked_at(run, [pair for pair in pairs if pair.id not in unseen | untold])
    with run.store.transaction() as tx:
        if not untold and tx.note(UPTO) != upto:
            tx.set_note(UPTO, upto)


def _due(run: Run) -> tuple[list[Pair], str]:
    """The pairs to look at, the longest waiting first, and how far that is."""
    with run.store.read() as tx:
        known = tx.note(UPTO)
    upto = datetime.fromisoformat(known) if known else run.started
    found: list[Pair] = []
    held: list[Pair] = []
    after = (upto, 0)
    while True:
        with run.store.read() as tx:
            page = tx.compared_since(after, PAGE)
        known_ids = {pair.id for pair in (*found, *held)}
        free = [
            pair
            for pair in concerned(run, page)
            if pair.id not in known_ids and pair_key(pair) not in run.blocked and _is_resolved(run, pair)
        ]
        moved = changed(run, free)
        found += moved
        held += _held(run, [pair for pair in free if pair not in moved])
        if len(found) > MOST:  # the next pass reads this page again: those that were looked at have not moved
            return [*found[:MOST], *held[:MOST]], after[0].isoformat()
        if page:
            after = (page[-1].checked_at or upto, page[-1].id)
        if len(page) < PAGE:
            return [*found, *held[:MOST]], after[0].isoformat()


def _held(run: Run, pairs: Sequence[Pair]) -> list[Pair]:
    """Those whose closing is held back: a person may have let go of them in ServiceNow."""
    with run.store.read() as tx:
        held = tx.notes([held_key(pair) for pair in pairs])
    return [pair for pair in pairs if held_key(pair) in held]


def _is_resolved(run: Run, pair: Pair) -> bool:
    """Whether the incident stood as resolved when the pair was last dealt with, as far as that is known."""
    vocabulary = run.vocabularies.get(pair.route)
    status = None if vocabulary is None or not vocabulary.about_incidents else vocabulary.status
    if status is None:
        return False
    dealt = pair.base.unit(status.name).servicenow
    return dealt is not None and dealt.values.get(status.state) in status.resolved


def _recent(run: Run, pairs: Sequence[Pair]) -> list[Pair]:
    """Those that were resolved not long ago."""
    if not pairs:
        return []
    ids = [pair.servicenow.id for pair in pairs]
    since = run.started - LOOK_BACK
    closed = {t.ref.id: t.closed for t in run.sides["servicenow"].targets("incident", ids)}
    held = {pair.id for pair in _held(run, pairs)}
    return [p for p in pairs if (closed.get(p.servicenow.id) or since) > since or p.id in held]


def _closures(run: Run, surveyed: Sequence[Surveyed], rules: Rules) -> set[int]:
    """Follow up on what closure asks for; the ids of pairs of which something is still to be done."""
    asking = [rule for rule in rules.links.closure if rule.follows]
    span = max((rule.within for rule in asking if rule.alike), default=None)
    cases = [each.case for each in surveyed]
    others = [] if span is None else _others(run, cases, span)
    closed = [each.closed(rules.links) for each in surveyed]
    found = missing(closed, replace(rules.links, closure=tuple(asking)), rules.moment, others)
    return carry_out(run, found, {each.case.label: each.pair for each in surveyed}, rules.links)


def _others(run: Run, cases: Sequence[Case], span: timedelta) -> list[Case]:
    """The incidents of ServiceNow, mirrored or not, on the same items or services in the time before."""
    items = frozenset(case.ci for case in cases if case.ci)
    services = frozenset(case.service for case in cases if case.service and not case.ci)
    if not items and not services:
        return []
    first = min(case.opened for case in cases) - span
    asked = Search("incident", since=first, until=max(case.opened for case in cases), limit=MANY)
    searches = [replace(asked, cis=items)] if items else []
    searches += [replace(asked, services=services)] if services else []
    seek = run.sides["servicenow"].seek
    return [
        Case(
            target.ref, target.label, target.opened, target.closed, target.ci, target.service,
            category=target.category,
        )
        for search in searches for target in seek(search) if target.opened is not None
    ]  # fmt: skip

"""What the records of a pair show of one relation, in terms of its targets; it decides nothing. Pure.

A target is named by its record in ServiceNow where it has one (its pair tells), else by its issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import Record, Ref, Tie
from tieline.sync.config.links import LinkType
from tieline.sync.links.model import Relation
from tieline.sync.links.relations_merge import Ends
from tieline.sync.links.relations_model import Standing
from tieline.sync.model import Pair

REMOTE: Final = "remote:"
"""How `Standing.made` begins where Jira shows a remote link instead of an issue link."""
OURS: Final = "?"
"""Stands in `Standing.made` for a link of ours whose id is not known yet."""

UNSEEN: Final = "its issue is hidden from this account or deleted, and the link with it: nobody took it away"

Partners = Mapping[Ref, Pair | None]
"""The pair of each record that was looked up, None for one that is in none; see `plain`."""


def plain(ref: Ref) -> Ref:
    """A Ref without its kind: what it is, is told by the relation that leads to it."""
    return Ref(ref.side, ref.id)


def named(ref: Ref, rule: LinkType) -> Ref:
    """A Ref as a relation's target."""
    return Ref(ref.side, ref.id, rule.leads_to if ref.side == "servicenow" else "issue")


def global_id(relation: Relation, target: Ref) -> str:
    """What a remote link is known by, so that it is never made twice."""
    return f"tieline:{relation}:{target.id}"


@dataclass(frozen=True, slots=True)
class View:
    """One relation of a pair as both records show it.

    `held` is the tie in ServiceNow's column, `links` are the issue links by target, `remote` the targets that
    a remote link shows. `labels` are the numbers and keys of targets as far as the records tell them.
    `unseen` are those whose issue is hidden from us, and its links with it: they stand as they did.
    """

    rule: LinkType
    held: Tie | None = None
    links: Mapping[Ref, tuple[Tie, ...]] = field(default_factory=lambda: MappingProxyType({}))
    remote: frozenset[Ref] = frozenset()
    labels: Mapping[Ref, str] = field(default_factory=lambda: MappingProxyType({}))
    unseen: frozenset[Ref] = frozenset()

    @property
    def now(self) -> Ends:
        """Where the relation stands."""
        column = frozenset[Ref]() if self.held is None else frozenset({named(self.held.target, self.rule)})
        return Ends(column, frozenset(self.links) | self.remote | self.unseen)

    @property
    def before(self) -> dict[str, str | None]:
        """What ServiceNow's column holds, for people."""
        held = self.held
        return {self.rule.column: None if held is None else held.label or held.target.id}


def view(
    rule: LinkType,
    rules: Sequence[LinkType],
    servicenow: Record,
    jira: Record,
    partners: Partners,
    standings: Sequence[Standing],
    shown: frozenset[str],
    unseen: frozenset[Ref] = frozenset(),
) -> View | None:
    """What the records show of `rule`; `shown` are the global ids of the issue's remote links, `unseen` the
    targets whose issue is hidden from us.

    None where a target is not known to us yet: it appeared while we were at work, and is looked at next time.
    """
    ties = [tie for tie in jira.ties or () if (tie.name, tie.outward) == (rule.jira, rule.outward)]
    column = [tie for tie in servicenow.ties or () if tie.name == rule.column]
    if any(plain(tie.target) not in partners for tie in (*ties, *column)):
        return None
    links: dict[Ref, tuple[Tie, ...]] = {}
    labels = {named(tie.target, rule): tie.label for tie in column if tie.label}
    met = {s.issue: s.target for s in standings if s.relation == rule.relation and s.issue}
    for tie in ties:
        target = _target(tie, rule, rules, partners[plain(tie.target)], met)
        if target is not None and tie.target.id != jira.ref.id:
            links[target] = (*links.get(target, ()), tie)
            labels.setdefault(target, tie.label)
    mine = (s.target for s in standings if s.relation == rule.relation and s.made.startswith(REMOTE))
    remote = frozenset(target for target in mine if global_id(rule.relation, target) in shown)
    hidden = unseen - links.keys() - remote
    return View(rule, column[0] if column else None, links, remote, labels, hidden)


def _target(
    tie: Tie, rule: LinkType, rules: Sequence[LinkType], pair: Pair | None, met: Mapping[str, Ref]
) -> Ref | None:
    """What an issue link of the rule's type leads to; None if it is another relation's, or nobody's."""
    if pair is None and tie.target.id in met:  # its pair has ended: it is the same target all the same
        return met[tie.target.id]
    if pair is not None:
        return named(pair.servicenow, rule) if pair.servicenow.kind == rule.leads_to else None
    same = [each for each in rules if (each.on, each.jira, each.reads) == (rule.on, rule.jira, rule.reads)]
    return named(tie.target, rule) if len(same) == 1 else None


def base(rule: LinkType, standings: Iterable[Standing]) -> Ends:
    """Where a relation stood when it was last dealt with."""
    mine = [s for s in standings if s.relation == rule.relation]
    return Ends(
        frozenset(s.target for s in mine if s.servicenow), frozenset(s.target for s in mine if s.jira)
    )


def rekeyed(standings: Iterable[Standing], rules: Sequence[LinkType], partners: Partners) -> list[Standing]:
    """The relations with their targets as they are named now: an issue may have got a record in ServiceNow.

    Of two that turn out to lead to the same target one is left, which knows what both knew.
    """
    found: dict[tuple[str, Ref], Standing] = {}
    for s in standings:
        rule = next((each for each in rules if each.relation == s.relation), None)
        if rule is None:  # not configured any more
            found[s.relation, s.target] = s
            continue
        pair = partners.get(plain(s.target)) if s.target.side == "jira" else None
        fits = pair is not None and pair.servicenow.kind == rule.leads_to
        target = named(pair.servicenow if pair is not None and fits else s.target, rule)
        other = found.get((s.relation, target))
        found[s.relation, target] = _one(s, other, target)
    return list(found.values())


def _one(one: Standing, other: Standing | None, target: Ref) -> Standing:
    if other is None:
        return Standing(
            one.pair, one.relation, target, one.servicenow, one.jira, one.wanted, one.label, one.made,
            "" if one.target != target else one.held, one.retry_at, one.since, one.issue,
        )  # fmt: skip
    return Standing(
        one.pair, one.relation, target, one.servicenow or other.servicenow, one.jira or other.jira,
        one.wanted or other.wanted, one.label or other.label, one.made or other.made, since=one.since,
        issue=one.issue or other.issue,
    )  # fmt: skip

"""What the rules about links would say of one incident, for people: what ties it, what closure asks. Pure.

Evidence is looked for by `tieline links show`; here stands which rules are for this incident at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tieline.sync.links.rules import ClosureRule, LinkPolicy, LinkRule
from tieline.sync.policy.conditions import Moment, holds
from tieline.sync.policy.explain import describe, met_atoms
from tieline.sync.policy.fields import Record


@dataclass(frozen=True, slots=True)
class LinkReason:
    """A rule about links that is for an incident: where it stands, what it says, and why it is for it."""

    rule: str
    place: str
    says: str
    met: tuple[str, ...] = ()


def about_links(policy: LinkPolicy, record: Record, moment: Moment) -> tuple[LinkReason, ...]:
    """The rules that are for this incident, in their order. `record` is in the policy's own fields."""
    return (*_ties(policy, record, moment), *_closure(policy, record, moment))


def _ties(policy: LinkPolicy, record: Record, moment: Moment) -> Iterator[LinkReason]:
    for rule in policy.rules:
        if holds(rule.when, record, moment):
            met = tuple(met_atoms(rule.when, record, moment))
            yield LinkReason(rule.id, place_of(rule), what_of(rule), met)


def _closure(policy: LinkPolicy, record: Record, moment: Moment) -> Iterator[LinkReason]:
    for rule in policy.closure:
        if not policy.own_closure:  # they are asked in ServiceNow's own words, which are not known here
            always = describe(rule.when) == "always"
            where = "" if always else f" where ServiceNow says {describe(rule.when)}"
            yield LinkReason(rule.id, place_of(rule), f"{what_of(rule)}{where}")
        elif holds(rule.when, record, moment):
            met = tuple(met_atoms(rule.when, record, moment))
            yield LinkReason(rule.id, place_of(rule), what_of(rule), met)


def place_of(rule: LinkRule | ClosureRule) -> str:
    """Where a rule stands; the usual ones stand nowhere."""
    return rule.spot.short if rule.spot.file else "usual"


def what_of(rule: LinkRule | ClosureRule) -> str:
    """What a rule says, in words."""
    return _tie(rule) if isinstance(rule, LinkRule) else _demand(rule)


def _tie(rule: LinkRule) -> str:
    kinds = " or ".join(sorted(rule.evidence)) or "any evidence"
    for_ = f" for {_named(rule.relations)}" if rule.relations else ""
    least = f" from {rule.at_least:g} on" if rule.at_least else ""
    return f"{kinds}{for_}{least}: {rule.then}"


def _demand(rule: ClosureRule) -> str:
    follows = [
        "a note" if rule.note else "",
        f"the label {rule.label}" if rule.label else "",
        "closing is held back" if rule.hold else "",
        {"propose": "a problem is proposed", "open": "a problem is opened", "": ""}[rule.problem],
    ]
    said = ", ".join(filter(None, follows)) or "it is told as missing"
    alike = f" if {rule.alike} are alike in {rule.within.days} days" if rule.alike else ""
    return f"once resolved it needs {_named(rule.needs)}{alike}; without: {said}"


def _named(relations: frozenset[str]) -> str:
    return " or ".join(sorted(relation.replace("_", " ") for relation in relations))


def reason_lines(found: tuple[LinkReason, ...]) -> list[str]:
    """The same as text."""
    lines = []
    for reason in found:
        lines.append(f"links: {reason.says}")
        lines.append(
            f"    by {reason.rule} ({reason.place})" + (f": {', '.join(reason.met)}" if reason.met else "")
        )
    return lines

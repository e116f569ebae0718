"""Findings about the rules of `[links]`: what ties incidents, and what closure asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tieline.sync.config.faults import suggestion
from tieline.sync.links.decide import NO_RULE
from tieline.sync.links.model import EVIDENCE_KINDS, RELATIONS, EvidenceKind
from tieline.sync.links.rules import ClosureRule, LinkPolicy, LinkRule
from tieline.sync.links.testing import run_link_tests
from tieline.sync.policy.check_values import asked_words, no_field
from tieline.sync.policy.conditions import AllOf, Condition, atoms
from tieline.sync.policy.fields import CANONICAL
from tieline.sync.policy.findings import Finding
from tieline.sync.policy.model import Policy

GUESSES: frozenset[EvidenceKind] = frozenset({"ci", "change", "likeness", "history"})
"""Evidence that only makes something likely."""


def check_links(policy: Policy) -> Iterator[Finding]:
    """Everything that is to be said about `[links]`; nothing if the policy has none."""
    links = policy.links
    if links is None:
        return
    own = links.rules[: links.own]
    for number, rule in enumerate(own):
        yield from _hidden(rule, own[:number])
        yield from _guessing(rule)
    for closure in links.closure[: links.own_closure]:
        yield from _opening(closure)
    for each in links.written:
        yield from _condition(policy, each)
    yield from _twice(links)
    yield from _named(links)
    if _knows_calendars(policy, links):
        yield from _tests(policy, links)


def _condition(policy: Policy, rule: LinkRule | ClosureRule) -> Iterator[Finding]:
    """Fields and values that there are not."""
    known = {**CANONICAL, **policy.own_fields}
    fields = dict.fromkeys(atom.field for atom in atoms(rule.when))
    yield from (no_field(name, known, rule.spot, rule.id) for name in fields if name not in known)
    yield from asked_words(policy, rule.when, dict.fromkeys(fields, rule.spot), rule.id)


def _hidden(rule: LinkRule, before: tuple[LinkRule, ...]) -> Iterator[Finding]:
    """A rule above it takes everything that would reach it."""
    for other in before:
        if _covers(other, rule):
            yield Finding(
                "TL030",
                "error",
                rule.spot,
                f"the rule {rule.id!r} about links never speaks: {other.id!r} always comes first",
                "the first rule that evidence meets speaks",
                "move it above that rule, narrow that one, or remove it",
                rule.id,
            )
            return


def _covers(one: LinkRule, two: LinkRule) -> bool:
    """Whether whatever meets the second meets the first: it asks for the same evidence, for less, of more."""
    return (
        (one.evidence or frozenset(EVIDENCE_KINDS)) >= (two.evidence or frozenset(EVIDENCE_KINDS))
        and (one.relations or frozenset(RELATIONS)) >= (two.relations or frozenset(RELATIONS))
        and one.at_least <= two.at_least
        and (one.when == two.when or _always(one.when))
    )


def _always(condition: Condition) -> bool:
    return isinstance(condition, AllOf) and not condition.parts


def _guessing(rule: LinkRule) -> Iterator[Finding]:
    kinds = rule.evidence or frozenset(EVIDENCE_KINDS)
    guesses = sorted(kinds & GUESSES)
    if rule.then == "link" and guesses:
        yield Finding(
            "TL031",
            "warning",
            rule.spot,
            f"the rule {rule.id!r} links on {', '.join(guesses)} without anybody being asked",
            "on a year of real incidents the latest problem of the same kind was right in 1.8 % of cases",
            'let it propose, or name surer evidence: evidence = ["mention", "link"]',
            rule.id,
        )


def _opening(rule: ClosureRule) -> Iterator[Finding]:
    if rule.problem and not rule.alike and _always(rule.when):
        yield Finding(
            "TL033",
            "warning",
            rule.spot,
            f"the rule {rule.id!r} {_does(rule)} a problem for each resolved incident that has none",
            "problems that nobody works on hide those that somebody should",
            "say which incidents (`when`), or how many must be alike (`alike`)",
            rule.id,
        )
    if rule.problem and "problem" not in rule.needs:
        yield Finding(
            "TL034",
            "error",
            rule.spot,
            f"the rule {rule.id!r} {_does(rule)} a problem and asks for something else",
            "that problem would not meet it, so it would go on asking",
            'add "problem" to its `needs`, or leave `problem` out',
            rule.id,
        )


def _does(rule: ClosureRule) -> str:
    return "opens" if rule.problem == "open" else "proposes"


def _twice(links: LinkPolicy) -> Iterator[Finding]:
    ids = [rule.id for rule in links.rules] + [rule.id for rule in links.closure]
    for rule in links.written:
        if ids.count(rule.id) > 1:
            yield Finding(
                "TL035",
                "error",
                rule.spot,
                f"two rules about links are called {rule.id!r}",
                "reasons and tests name rules by their id, and usual rules have theirs",
                "give it another id",
                rule.id,
            )


def _named(links: LinkPolicy) -> Iterator[Finding]:
    """Tests that name rules which there are not."""
    ids = {rule.id for rule in links.rules} | {rule.id for rule in links.closure}
    for test in links.tests:
        for id_ in sorted({test.rule, *(test.missing or ())} - {"", NO_RULE} - ids):
            yield Finding(
                "TL024",
                "error",
                test.spot,
                f"the test {test.name!r} expects the rule {id_!r}, which does not exist",
                "it can never pass",
                suggestion(id_, sorted(ids)),
            )


def _knows_calendars(policy: Policy, links: LinkPolicy) -> bool:
    conditions = [*(rule.when for rule in links.rules), *(rule.when for rule in links.closure)]
    asked = {atom.calendar for when in conditions for atom in atoms(when)} - {""}
    return asked <= policy.calendars.keys()


def _tests(policy: Policy, links: LinkPolicy) -> Iterator[Finding]:
    fired = {id_ for result in run_link_tests(links, policy.calendars) for id_ in result.fired}
    for rule in links.written:
        if rule.id not in fired:
            yield Finding(
                "TL032",
                "warning",
                rule.spot,
                f"no test reaches the rule {rule.id!r} about links",
                "nobody notices when a change of the policy breaks it",
                "add a [[links.test]] that it applies to",
                rule.id,
            )

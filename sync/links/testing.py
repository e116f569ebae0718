"""Runs the tests that stand beside the rules about links: evidence in, what becomes of it out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tieline.connectors.base import Ref
from tieline.sync.links.closure import unmet
from tieline.sync.links.decide import NO_RULE, Standing, decide
from tieline.sync.links.model import Evidence, Target
from tieline.sync.links.rules import LinkPolicy, LinkTest
from tieline.sync.policy.calendars import Calendar
from tieline.sync.policy.conditions import Moment
from tieline.sync.policy.model import Policy, Test
from tieline.sync.policy.testing import Mismatch, Result

_TARGET = Target(Ref("servicenow", "target", "problem"), "the target")
A_MONDAY: Final = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When tests take place that do not say when."""
_OTHER = Ref("servicenow", "other")


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What came of a test: what is otherwise (what, expected, got), and the rules that it reached."""

    test: LinkTest
    mismatches: tuple[tuple[str, str, str], ...]
    fired: frozenset[str]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.mismatches


def run_link_tests(policy: LinkPolicy, calendars: Mapping[str, Calendar]) -> list[LinkResult]:
    """Every test, in order."""
    return [_run(test, policy, calendars) for test in policy.tests]


def as_results(policy: Policy) -> list[Result]:
    """The tests of `[links]` in the form of the policy's other tests, so that they are shown alike."""
    if policy.links is None:
        return []
    return [
        Result(
            Test(
                each.test.name, each.test.given, frozenset(), True, each.test.now or A_MONDAY, {}, {},
                spot=each.test.spot,
            ),
            tuple(Mismatch(0, what, expected, got) for what, expected, got in each.mismatches),
            each.fired,
            frozenset(),
        )
        for each in run_link_tests(policy.links, policy.calendars)
    ]  # fmt: skip


def _run(test: LinkTest, policy: LinkPolicy, calendars: Mapping[str, Calendar]) -> LinkResult:
    moment = Moment(test.now or A_MONDAY, calendars)
    found = [
        Evidence(given.kind, test.relation, _TARGET, given.weight, "as the test says", "test")
        for given in test.evidence
    ]
    standing: Standing = {relation: frozenset({_OTHER}) for relation in test.has}
    verdict = next(iter(decide(found, policy, test.given, moment, standing)), None)
    decision, rule = (verdict.decision, verdict.rule) if verdict else ("ignore", NO_RULE)
    wrong: list[tuple[str, str, str]] = []
    if test.expect is not None and decision != test.expect:
        wrong.append((f"the {test.relation}", test.expect, f"{decision} by {rule}"))
    if test.rule and rule != test.rule:
        wrong.append(("the rule", test.rule, rule))
    lacking = unmet(test, policy, moment)
    if test.missing is not None and lacking != test.missing:
        wrong.append(("missing", _named(test.missing), _named(lacking)))
    return LinkResult(test, tuple(wrong), frozenset({rule} - {NO_RULE} if verdict else set()) | lacking)


def _named(ids: frozenset[str]) -> str:
    return ", ".join(sorted(ids)) or "nothing"

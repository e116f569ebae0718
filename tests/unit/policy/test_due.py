"""The moment that a policy names for the next look: before it nothing changes by time alone, and it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.sync.policy.applied import Standing
from tieline.sync.policy.conditions import AllOf, Atom, Moment, Not
from tieline.sync.policy.due import next_look
from tieline.sync.policy.evaluate import Engine, derived
from tieline.sync.policy.explain import explain, explanation_json, explanation_lines
from tieline.sync.policy.fields import Record
from tieline.sync.policy.model import Assignment, Policy, Rule, Sla

from .make import MATRIX, NOW, OFFICE, policies, records

HOURS = timedelta(hours=1)
TARGET = Sla("3", None, 4 * HOURS, "", frozenset({"waiting"}))
STAYS = Rule("stays", Atom("sla", "in", frozenset({"breached"})), (Assignment("group", "x", "always"),))


def said(engine: Engine, record: dict[str, object], at: datetime, standing: Standing) -> list[str]:
    moment = Moment(at, engine.policy.calendars)
    held = engine.claims(derived(engine.policy, record, moment, standing), moment)  # type: ignore[arg-type]
    return [rule.id for rule in held.rules] + [bound.id for bound in held.bounds]


@given(policies(), records(), st.floats(0, 1, exclude_max=True), st.integers(1, 2000))
def test_nothing_changes_before_it(policy: Policy, record: dict[str, object], part: float, far: int) -> None:
    policy = replace(policy, slas=(TARGET,), rules=(*policy.rules, STAYS))
    engine, standing = Engine(policy), Standing(statuses=((NOW - 9 * HOURS, "waiting"), (NOW - HOURS, "new")))
    shown = derived(policy, record, Moment(NOW, policy.calendars), standing)  # type: ignore[arg-type]
    due = next_look(engine, shown, NOW, standing)
    assert due is None or due > NOW
    # A fraction near one rounds up to the moment itself.
    later = NOW + far * HOURS if due is None else min(NOW + (due - NOW) * part, due - timedelta.resolution)
    assert said(engine, record, later, standing) == said(engine, record, NOW, standing)


@pytest.mark.parametrize(
    ("atom", "due"),
    [
        (Atom("opened", "older_than", 2 * HOURS), NOW + HOURS + timedelta(microseconds=1)),
        (Atom("opened", "older_than", HOURS), None),
        (Atom("now", "before", NOW + HOURS), NOW + HOURS),
        (Atom("now", "after", NOW + HOURS), NOW + HOURS + timedelta(microseconds=1)),
        (Atom("now", "after", NOW - HOURS), None),
        (Atom("now", "within", None, "office"), datetime(2026, 1, 5, 16, tzinfo=UTC)),
        (Atom("opened", "within", None, "office"), None),
        # Seven hours of the day were left at ten in Berlin: the ninth passes on Tuesday, until ten.
        (Atom("opened", "older_than", 9 * HOURS, "office"), datetime(2026, 1, 6, 9, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_when_it_is(atom: Atom, due: datetime | None) -> None:
    for when in (atom, Not(atom)):
        rule = Rule("r", AllOf((when, Atom("category", "in", frozenset({"a"})))), ())
        engine = Engine(Policy((rule,), matrix=MATRIX, calendars={"office": OFFICE}))
        record: Record = {
            "opened": NOW - HOURS - timedelta(microseconds=1 if due is None else 0),
            "category": "a",
        }
        assert next_look(engine, record, NOW) == due
        assert next_look(engine, {**record, "category": "b"}, NOW) is None


def test_a_paused_target_has_no_moment() -> None:
    engine = Engine(Policy((STAYS,), matrix=MATRIX, slas=(TARGET,)))
    record: Record = {"priority": "3", "opened": NOW - HOURS, "status": "new", "assignee": "ada"}
    assert next_look(engine, record, NOW) == NOW + 3 * HOURS + timedelta(microseconds=1)
    assert next_look(engine, {**record, "status": "waiting"}, NOW) is None
    standing = Standing(statuses=((NOW - HOURS, "waiting"), (NOW - HOURS / 2, "new")))
    assert next_look(engine, record, NOW, standing) == NOW + 3.5 * HOURS + timedelta(microseconds=1)


def test_explain_says_from_when_on_pauses_of_the_clock_are_known() -> None:
    engine = Engine(Policy((STAYS,), matrix=MATRIX, slas=(TARGET,)))
    record: Record = {"impact": "2", "urgency": "2", "status": "new", "opened": NOW - 30 * HOURS}

    def told(*since: timedelta) -> str:
        standing = Standing(statuses=tuple((NOW - ago, "new") for ago in since))
        found = explain(engine, record, NOW, standing)
        assert explanation_json(found)["pauses"] == found.pauses
        assert found.pauses in "\n".join(explanation_lines(found))
        return found.pauses

    assert "known from 2026-01-05 08:30 UTC on" in told(1.5 * HOURS, 0.1 * HOURS)
    assert "no pause of its clock is known" in told()
    assert told(29.95 * HOURS) == ""
    assert explain(engine, {**record, "impact": "1", "urgency": "1"}, NOW, Standing()).pauses == ""

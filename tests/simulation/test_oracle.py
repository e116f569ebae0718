"""Each excuse that the oracle knows, and the same run without it: then it sees a broken promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.simulation.apart import Step, times_apart
from tests.simulation.edits_judged import notes_stand
from tests.simulation.evidence import Stand
from tests.simulation.looks import agreements
from tests.simulation.modes import MODES, Mode
from tests.simulation.scenario import Deed, Scenario
from tests.simulation.settings import NOTES
from tests.simulation.shrink import load
from tests.simulation.simulation import Passed, Story
from tests.simulation.world import START, Look
from tests.simulation.writes_judged import made_graver
from tieline.connectors.base import Side, Update, Value
from tieline.sync import decide

PLAIN = MODES["plain"]
FAILURES = Path(__file__).parent / "failures"
TALK = MODES["talk"]
LANES = MODES["lanes"]


def told(name: str, mode: Mode = TALK) -> Story:
    """A kept scenario, run: nothing is broken in it."""
    story = mode.run(load(FAILURES / f"{name}.json")[1])
    assert mode.judge(story) == []
    return story


def broken(story: Story, mode: Mode = TALK) -> set[str]:
    """The promises that the oracle sees broken."""
    return {violation.promise for violation in mode.judge(story)}


def test_a_race_that_is_told_late_counts_by_the_moment_it_names() -> None:
    story = told("race-told-late")
    conflicts = story.lists.conflicts
    story.lists.conflicts = {key: c for key, c in conflicts.items() if c.kind != "race"}
    assert "P2" in broken(story)
    story.lists.conflicts = {
        key: replace(c, reason=c.reason.replace("2026-01-05", "2026-01-04")) for key, c in conflicts.items()
    }
    assert "P2" in broken(story)
    story.lists.conflicts = {key: replace(c, reason=in_doubt(c.reason)) for key, c in conflicts.items()}
    assert "P2" not in broken(story)
    story.lists.conflicts = {
        key: replace(c, reason=in_doubt(c.reason).replace("2026-01-05", "2026-01-04"))
        for key, c in conflicts.items()
    }
    assert "P2" in broken(story)


def in_doubt(reason: str) -> str:
    """As a race is told where nothing says which of two writes was made last."""
    return reason.replace(" UTC while Tieline did", " UTC, about a write of Tieline whose answer was lost")


def test_a_rule_s_value_is_taken_for_a_person_s_only_where_nothing_told() -> None:
    """The create's answer came, or nobody else had written: then the engine had to know better."""
    story = told("rule-in-a-lost-create")
    audit, touched = list(story.lists.audit), list(story.world.touched)
    story.lists.audit = [replace(entry, detail="") for entry in audit]
    assert "P2" in broken(story)
    story.lists.audit = audit
    assert TALK.judge(story) == []
    story.world.touched = []
    story.world.log = [each for each in story.world.log if each.who != "person" or each.side == "jira"]
    assert touched
    assert "P2" in broken(story)


def test_the_same_of_a_write_that_was_left_in_doubt() -> None:
    """Its answer came, or we wrote last, or it stands as it was sent: then the engine had to know better."""
    story = told("rule-in-a-write-in-doubt")
    assert [conflict.kind for conflict in story.lists.conflicts.values()] == ["clash"]
    audit, log, effects = story.lists.audit, story.world.log, story.world.effects
    story.lists.audit = [replace(entry, detail="") for entry in audit]
    assert broken(story) == {"P2"}
    story.lists.audit = audit
    story.world.log = [each for each in log if each.who != "person" or each.side == "jira"]
    assert "P2" in broken(story)
    story.world.log = log
    assert TALK.judge(story) == []
    doubted = next(effect for effect in effects if not effect.answered)
    assert isinstance(doubted.action, Update)
    given, before = doubted.action.values, doubted.action.before
    as_sent, beside = {"subcategory": "sub21-x"}, {"description": "Text 2"}
    for sent, old in ((as_sent, before), ({**given, **beside}, {**before, "description": "Text 1"})):
        action = replace(doubted.action, values=sent, before=old)
        story.world.effects = [replace(e, action=action) if e is doubted else e for e in effects]
        story.lists.audit = [replace(e, new=sent) if e.new == given else e for e in audit]
        assert "P2" in broken(story)
    action = replace(action, before={**before, **beside})
    story.world.effects = [replace(e, action=action) if e is doubted else e for e in effects]
    assert TALK.judge(story) == []


def test_a_clash_may_name_a_person_s_edit_beside_what_we_sent_only_where_that_race_is_told() -> None:
    """Their impact stands beside our urgency; had we sent the impact, too, it were none of theirs."""
    files = MODES["files"]
    story = told("mixed-in-a-lost-write", files)
    conflicts, effects = story.lists.conflicts, story.world.effects
    assert sorted(conflict.kind for conflict in conflicts.values()) == ["clash", "race"]
    story.lists.conflicts = {key: c for key, c in conflicts.items() if c.kind != "race"}
    assert "P2" in broken(story, files)
    story.lists.conflicts = conflicts
    assert files.judge(story) == []
    doubted = next(e for e in effects if not e.answered and "urgency" in getattr(e.action, "values", {}))
    assert isinstance(doubted.action, Update)
    action = replace(doubted.action, values={**doubted.action.values, "impact": "2"})
    story.world.effects = [replace(e, action=action) if e is doubted else e for e in effects]
    assert "P2" in broken(story, files)


def test_what_people_put_back_to_an_agreement_of_theirs_is_lost_where_no_pass_saw_that() -> None:
    """They agreed by themselves, so that nothing was written: what a pass was shown of it is dealt with."""
    story = told("agreed-by-themselves")
    assert not story.lists.conflicts
    looks, agreed = dict(story.world.looks), START + timedelta(seconds=400)
    for blind in (("servicenow", "jira"), ("servicenow",), ("jira",)):
        for key, seen in looks.items():
            story.world.looks[key] = [look for look in seen if key[0] not in blind or look.at < agreed]
        assert "P2" in broken(story)


def test_an_agreement_between_two_passes_excuses_nothing() -> None:
    """The same, the agreement over before a pass could see it: the engine has to tell, and does."""
    kept = load(FAILURES / "agreed-by-themselves.json")[1]
    deeds = tuple(replace(deed, at=deed.at + 290) if 400 <= deed.at < 401 else deed for deed in kept.deeds)
    story = PLAIN.run(replace(kept, deeds=deeds))
    assert [conflict.kind for conflict in story.lists.conflicts.values()] == ["clash"]
    assert PLAIN.judge(story) == []
    story.lists.conflicts = {}
    assert {violation.promise for violation in PLAIN.judge(story)} == {"P2"}


def test_what_only_a_broken_pass_saw_counts_beside_what_a_whole_one_saw_and_looks_of_two_passes_do_not() -> (
    None
):
    steps: dict[Side, list[tuple[int, dict[str, Value]]]] = {
        "servicenow": [(1, {"subcategory": "a"}), (4, {"subcategory": "b"})],
        "jira": [(1, {"customfield_10052": "a"}), (5, {"customfield_10052": "b"})],
    }
    looks: dict[Side, list[Look]] = {
        "servicenow": [Look(2, at(0)), Look(4, at(100)), Look(6, at(200))],
        "jira": [Look(3, at(0)), Look(5, at(300)), Look(6, at(200))],
    }
    passes = [passed(0, ""), passed(100, ""), passed(200, "killed"), passed(300, "")]
    found = [(seq, whole) for seq, _, whole in agreements("subcategory", steps, looks, passes)]
    assert found == [(3, True), (6, False)]


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


def passed(seconds: float, error: str) -> Passed:
    """A pass of a minute."""
    return Passed(0, 0, error, False, False, 0, at(seconds), at(seconds + 60))


def test_a_label_may_come_back_only_where_people_are_told_so() -> None:
    """Without a history both sides get what either has; what was taken away before is in a conflict."""
    story = told("label-taken-away-unknown", LANES)
    label = frozenset({"l5"})
    (key, shown), *_ = [(k, c) for k, c in story.lists.conflicts.items() if c.unit == "labels"]
    assert shown.servicenow["u_labels"] == label
    for other in (
        replace(shown, jira={"labels": label}),
        replace(shown, servicenow={"u_labels": None}),
        replace(shown, at=shown.at - timedelta(days=1)),
        replace(shown, unit="summary"),
    ):
        story.lists.conflicts[key] = other
        assert broken(story, LANES) == {"P2"}


def reopened(*deeds: tuple[float, str]) -> Scenario:
    """The kept scenario with other moves of the issue, once its end was carried over to it."""
    kept = load(FAILURES / "told-twice.json")[1]
    moves = tuple(
        Deed(at, kind, 0, "jira", "group", n)  # type: ignore[arg-type]
        for n, (at, kind) in enumerate(deeds, 90)
    )
    return replace(kept, ambushes=(), deeds=(*kept.deeds[:2], *moves))


def test_an_issue_is_told_each_time_that_it_is_reopened_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same note twice is right where somebody closed the issue between: it was reopened twice."""
    again = reopened((900.0, "reopen"), (1300.0, "close"), (1700.0, "reopen"))
    moved = reopened((900.0, "reopen"), (1300.0, "hold"), (1700.0, "reopen"))
    for scenario, times in ((again, 2), (moved, 1)):
        story = PLAIN.run(scenario)
        notes = [note for row in story.sides["jira"].rows.values() for note in row.notes]
        assert sum("stays closed" in note for note in notes) == times
        assert PLAIN.judge(story) == []
    monkeypatch.setattr(decide, "stood_apart", lambda *_: False)
    assert PLAIN.check(again) == []
    assert {violation.promise for violation in PLAIN.check(moved)} == {"P5"}


@pytest.mark.parametrize(("look", "times"), [(0, 2), (1, 1), (2, 2)])
def test_an_issue_that_was_moved_just_before_its_incident_was_closed_is_told_too(
    look: int, times: int
) -> None:
    """Nothing tells which was first, unless a pass had looked between: then the end is only carried over."""
    closed, going, over = {"state": "7"}, {"status": "In Progress"}, {"status": "Closed"}
    steps: list[Step] = [
        (1, "jira", "person", going), (2, "servicenow", "person", closed), (3, "jira", "tieline", over),
        (4, "jira", "person", going),
    ]  # fmt: skip
    assert times_apart(steps, [look]) == times
    carried = [(at, side, "tieline" if at == 1 else who, values) for at, side, who, values in steps]
    assert times_apart(carried, []) == 1


@pytest.mark.parametrize("near", ["not told", "named another second", "told before", "sent another"])
def test_an_edit_that_set_what_was_sent_is_told_by_a_race_that_names_its_second(near: str) -> None:
    """What the issue had become just before is carried over it later, for the process died meanwhile."""
    story = told("set-alike-among-others", PLAIN)
    ((key, race),) = story.lists.conflicts.items()
    assert race.kind == "race"
    effects = story.world.effects
    place = next(
        n for n, e in enumerate(effects) if isinstance(e.action, Update) and "state" in e.action.values
    )
    sent = effects[place]
    match near:
        case "not told":
            story.lists.conflicts.clear()
        case "named another second":
            told_then = race.reason.replace(":38 UTC", ":58 UTC")
            story.lists.conflicts[key] = replace(race, reason=told_then)
        case "told before":
            story.lists.conflicts[key] = replace(race, at=sent.at - timedelta(minutes=20))
        case "sent another":
            assert isinstance(sent.action, Update)
            effects[place] = replace(sent, action=replace(sent.action, values={"state": "1"}))
    assert "P2" in broken(story, PLAIN)


def test_files_of_one_name_that_are_refused_get_a_note_each_and_no_more() -> None:
    story = told("two-files-refused", MODES["all"])
    row = next(row for row in story.sides["servicenow"].rows.values() if row.label == "INC0000001")
    (note,) = {text for text in row.notes if text.startswith("Not carried over")}
    assert row.notes.count(note) == 2
    row.notes.append(note)
    assert broken(story, MODES["all"]) == {"P5"}


@pytest.mark.parametrize(
    ("edit", "end", "issue", "stands"),
    [
        ({}, {}, {}, True),
        ({"close_code": "Duplicate"}, {}, {}, False),
        ({}, {"close_notes": "Others"}, {}, False),
        ({}, {}, {NOTES: "Others"}, False),
    ],
)
def test_close_notes_may_stand_beside_a_status_that_somebody_set_as_they_were_carried(
    edit: dict[str, Value], end: dict[str, Value], issue: dict[str, Value], stands: bool
) -> None:
    """As in lanes, seed 8539; not where anything else of the edit is gone, or they stand on one side."""
    closed: dict[str, Value] = {"state": "7", "close_code": "Solution provided", "close_notes": "Old"}
    edited = {**closed, "close_notes": "New", **edit}
    before, now, then = (
        Stand(seq, START, "person", values, "")
        for seq, values in enumerate((closed, edited, {**edited, "state": "2", **end}))
    )
    across = [Stand(2, START, "tieline", {"status": "In Progress", NOTES: "New", **issue}, "")]
    last = replace(then, seq=3)
    assert notes_stand("servicenow", [before], now, last, across) is stands


@pytest.mark.parametrize(
    ("impact", "urgency", "graver"), [("2", "1", True), ("1", "2", False), ("2", "3", False)]
)
def test_a_rule_may_make_urgent_what_means_the_same_priority(impact: str, urgency: str, graver: bool) -> None:
    """As in all, seed 70154: the same values again, or less urgent ones, are no rule's."""
    before = Stand(1, START, "person", {"impact": "1", "urgency": "2", "priority": "2"}, "2")
    after = Stand(2, START, "tieline", {"impact": impact, "urgency": urgency, "priority": "2"}, "2")
    assert made_graver(before, after) is graver


def test_without_a_policy_another_urgency_of_the_same_priority_is_an_echo() -> None:
    story = told("urgent-by-a-rule", MODES["all"])
    assert broken(replace(story, scenario=without_policy(story.scenario)), MODES["all"]) >= {"P4"}


def without_policy(scenario: Scenario) -> Scenario:
    """The same as if no rule had been there when it is judged."""
    return replace(scenario, traits=replace(scenario.traits, policy=""))

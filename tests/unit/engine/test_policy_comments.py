"""Rules that ask what people say: a comment is heard once, its answer stays, and its text goes nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Update
from tieline.connectors.errors import Rejected

from .world import World

RULES = """
[[rule]]
id = "outage"
when = { comments = { contains = "total outage" } }
then = { urgency = 1, note = "Somebody spoke of an outage." }
strength = "always"
"""
HOLD = """
[[rule]]
id = "legal"
when = { comments = { contains = "legal hold" }, not = { comments = { contains = "cleared" } } }
then = { hold = "the service manager decides" }
"""
OUT = """
[[rule]]
id = "private"
when = { comments = { matches = '(?i)^private matter' } }
then = { leave_out = true }
"""


def hearing(folder: Path, text: str, **changes: Any) -> World:
    world = World(policy={}, **{"comments": {}, **changes})
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    world.config = world.config.read_from(path)
    return world


@pytest.mark.parametrize("side", ["sn", "jira"])
def test_a_comment_on_either_side_decides_once_and_for_all(tmp_path: Path, side: str) -> None:
    world = hearing(tmp_path, RULES)
    row, issue = world.paired(urgency="3")
    assert row.values["urgency"] == "3"
    getattr(world, side).say(row.id if side == "sn" else issue.id, "This is a TOTAL outage!", "eve")
    world.settle()
    assert row.values["urgency"] == "1"
    for urgency in ("2", "3"):  # nobody reads that comment any more, and the rule always speaks
        world.sn.edit(row.id, {"urgency": urgency})
        world.settle()
        world.tick(30 * 3600)
        world.settle()
        assert row.values["urgency"] == "1"
    notes = [note for each in (row, issue) for note in each.notes if "spoke of" in note]
    assert len(notes) == 2
    assert not [c for c in world.conflicts() if c.kind == "flapping"]


def test_hearing_a_comment_costs_no_request_and_neither_does_remembering_it(tmp_path: Path) -> None:
    asked: list[object] = []
    for rules in ("", RULES.replace("total outage", "nobody says this")):
        folder = tmp_path / str(len(asked))
        folder.mkdir()
        world = hearing(folder, rules)
        row, issue = world.paired()
        world.sn.say(row.id, "one", "eve")
        world.jira.say(issue.id, "two", "bob")
        world.settle()
        world.sn.edit(row.id, {"short_description": "Another"})
        world.settle()
        asked.append(world.asked)
    assert asked[0] == asked[1]


def test_an_internal_note_may_decide_and_its_text_stays_where_it_is(tmp_path: Path) -> None:
    quiet = {"to_jira": {"work_notes": "none"}}
    world = hearing(tmp_path, RULES, comments=quiet)
    row, issue = world.paired(urgency="3")
    world.sn.say(row.id, "Total outage, the password is hunter2", "eve", public=False)
    world.settle()
    assert row.values["urgency"] == "1"
    seen = [*(entry.text or "" for entry in world.jira.talk.of(issue.id)), *issue.notes, repr(issue.values)]
    seen += [repr(world.audit()), repr(world.conflicts()), repr(world.pairs())]
    assert not [text for text in seen if "hunter2" in text]


def test_what_tieline_writes_answers_nothing(tmp_path: Path) -> None:
    world = hearing(tmp_path, RULES.replace("total outage", "spoke of an outage"))
    row, _ = world.paired(urgency="3")
    world.sn.say(row.id, "hello", "eve")
    world.settle()
    assert row.values["urgency"] == "3"


def test_an_edit_is_heard_and_what_is_taken_back_was_said(tmp_path: Path) -> None:
    world = hearing(tmp_path, RULES)
    row, issue = world.paired(urgency="3")
    comment = world.jira.say(issue.id, "nothing much", "eve")
    world.settle()
    assert row.values["urgency"] == "3"
    world.jira.talk.edit(issue.id, comment.id, "a total outage")
    world.jira.edit(issue.id, {"summary": "Another"})
    world.settle()
    assert row.values["urgency"] == "1"
    world.jira.talk.edit(issue.id, comment.id, "nothing, sorry")
    world.sn.edit(row.id, {"urgency": "3"})
    world.settle()
    assert row.values["urgency"] == "1"


def test_a_comment_holds_a_pair_before_it_is_carried_and_another_lets_it_go(tmp_path: Path) -> None:
    world = hearing(tmp_path, HOLD)
    row, issue = world.paired()
    world.sn.say(row.id, "Legal hold: keep this here", "eve")
    world.sn.edit(row.id, {"short_description": "Held"})
    world.settle()
    assert [park.reason for park in world.parks()] == ["rule"]
    assert issue.values["summary"] == "Printer broken"
    assert not [e for e in world.jira.talk.of(issue.id) if e.mark]
    world.sn.say(row.id, "cleared by the service manager", "eve")
    world.settle()
    assert not world.parks()
    assert issue.values["summary"] == "Held"
    assert len([e for e in world.jira.talk.of(issue.id) if e.mark]) == 2


def test_a_comment_leaves_a_pair_out_with_the_next_pass(tmp_path: Path) -> None:
    world = hearing(tmp_path, OUT, route={"leaves_scope": "freeze"})
    row, issue = world.paired()
    world.sn.say(row.id, "Private matter of the board", "eve")
    world.tick()
    world.run()
    world.tick()
    world.run()
    world.sn.edit(row.id, {"short_description": "Not for Jira"})
    world.settle()
    assert issue.values["summary"] == "Printer broken"


def test_a_lost_state_hears_everything_again(tmp_path: Path) -> None:
    world = hearing(tmp_path, RULES)
    row, issue = world.paired(urgency="3")
    world.jira.say(issue.id, "a total outage", "eve")
    world.settle()
    assert row.values["urgency"] == "1"
    world.lose_the_state()
    world.run(initial=True)
    world.settle()
    world.sn.edit(row.id, {"urgency": "2"})
    world.settle()
    assert row.values["urgency"] == "1"


def test_what_is_said_while_the_pair_is_parked_is_heard_too(tmp_path: Path) -> None:
    world = hearing(tmp_path, RULES)
    row, issue = world.paired(urgency="3")
    world.jira.before_write = lambda action: Rejected("no") if isinstance(action, Update) else None
    world.sn.edit(row.id, {"short_description": "Refused"})
    world.tick()
    world.run()
    assert world.parks()
    world.jira.say(issue.id, "a total outage", "eve")
    world.tick()
    world.run()
    assert row.values["urgency"] == "3"
    world.jira.before_write = lambda _action: None
    world.sn.edit(row.id, {"short_description": "Taken"})
    world.settle()
    assert (row.values["urgency"], issue.values["summary"]) == ("1", "Taken")


def test_a_child_of_a_closed_incident_knows_what_was_said_on_the_issue(tmp_path: Path) -> None:
    world = hearing(tmp_path, RULES, status={"reopen": "child"})
    row, issue = world.paired(urgency="3")
    world.jira.say(issue.id, "a total outage", "eve")
    world.settle()
    for values in ({"state": "2"}, {"state": "7", "close_code": "Solution provided", "close_notes": "done"}):
        world.sn.edit(row.id, values)
        world.settle()
    world.jira.edit(issue.id, {"status": "In Progress", "resolution": None})
    world.settle()
    (child,) = [each for each in world.sn.rows.values() if each is not row]
    world.sn.edit(child.id, {"urgency": "3"})
    world.settle()
    assert child.values["urgency"] == "1"

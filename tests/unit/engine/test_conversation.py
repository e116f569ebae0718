"""What is said on one side stands once, in order, on the other, with its author, for no more eyes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.base import AddComment, Comment
from tieline.connectors.errors import Rejected, Unknown
from tieline.connectors.memory import Row
from tieline.sync.model import Arrival
from tieline.sync.parking import BY_PERSON

from .world import START, World


def talking(**comments: Any) -> World:
    """Both sides, with conversations mirrored as `comments` says."""
    return World(comments=comments)


def carried(world: World, row: Row) -> list[Comment]:
    """What Tieline wrote to a record's conversation; its own notes left out."""
    side = world.sn if row in world.sn.rows.values() else world.jira
    return [e for e in side.talk.of(row.id) if e.own and e.mark]


def closed(world: World, row: Row) -> None:
    """The incident is worked on, and closed."""
    world.sn.edit(row.id, {"state": "2"})
    world.settle()
    world.sn.edit(row.id, {"state": "7", "close_code": "Solution provided", "close_notes": "done"})
    world.settle()


def bodies(world: World, row: Row) -> list[str]:
    return [(e.text or "").partition("\n\n")[2] for e in carried(world, row)]


def test_entries_go_both_ways_in_order_with_author_side_and_time() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.say(row.id, "first", "ada")
    world.tick()
    world.sn.say(row.id, "second", "bob", public=True)
    world.jira.say(issue.id, "from the engineers", "eve")
    world.settle()
    assert bodies(world, issue) == ["first", "second"]
    assert bodies(world, row) == ["from the engineers"]
    first, second = carried(world, issue)
    assert (first.text or "").startswith("Ada in ServiceNow INC1, 2026-01-05 ")
    assert (first.public, second.public) == (False, True)
    assert (carried(world, row)[0].text or "").startswith("Eve in Jira OPS-1, 2026-01-05 ")


def test_what_is_in_doubt_is_internal() -> None:
    world = talking()
    row, issue = world.paired()
    world.jira.say(issue.id, "internal", public=False)
    world.settle()
    assert [(e.public, e.kind) for e in carried(world, row)] == [(False, "work_notes")]


def test_nothing_is_carried_twice_and_old_entries_cost_nothing() -> None:
    world = talking()
    row, issue = world.paired()
    for n in range(5):
        world.sn.say(row.id, f"said {n}")
    world.settle()
    world.sn.say(row.id, "one more")
    world.tick()
    world.run()
    assert world.asked["AddComment"] == 1
    assert world.asked["conversations"] == 1
    world.settle()
    assert bodies(world, issue) == [*(f"said {n}" for n in range(5)), "one more"]


def test_our_own_notes_never_travel() -> None:
    world = talking()
    row, issue = world.paired()
    assert row.notes
    world.settle()
    assert carried(world, issue) == carried(world, row) == []


def test_what_was_said_before_the_pairing_comes_over_in_order_or_stays() -> None:
    for history, wanted in ((True, ["a", "b", "c"]), (False, [])):
        world = talking(history=history)
        row = world.incident()
        for text in ("a", "b", "c"):
            world.sn.say(row.id, text)
        world.tick()
        world.run(initial=True)
        world.settle()
        assert bodies(world, world.mirror_of(row)) == wanted


def test_entries_before_the_first_day_are_left_alone() -> None:
    world = talking(since=START.date().replace(day=6))
    row, issue = world.paired()
    world.sn.say(row.id, "the day before")
    world.settle()
    assert bodies(world, issue) == []


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [("repeat", ["typo", "mended"]), ("note", ["typo", ""]), ("ignore", ["typo"])],
)
def test_an_edit_in_jira_reaches_servicenow_as_configured(edits: str, wanted: list[str]) -> None:
    world = talking(edits=edits)
    row, issue = world.paired()
    said = world.jira.say(issue.id, "typo")
    world.settle()
    world.jira.correct(issue.id, said.id, "mended")
    world.settle()
    assert bodies(world, row) == wanted
    world.jira.correct(issue.id, said.id, "mended")  # a new stamp, the same words
    world.settle()
    assert bodies(world, row) == wanted


def test_a_deletion_in_jira_reaches_servicenow_as_one_entry() -> None:
    world = talking()
    row, issue = world.paired()
    said = world.jira.say(issue.id, "oops")
    never = world.jira.say(issue.id, "gone before anybody looked")
    world.jira.take_back(issue.id, never.id)
    world.settle()
    world.jira.take_back(issue.id, said.id)
    world.settle()
    texts = [e.text or "" for e in carried(world, row)]
    assert len(texts) == 2
    assert texts[1].startswith("The comment of 2026-01-05 ")
    assert "was deleted in Jira OPS-1" in texts[1]


def test_an_edit_of_a_public_comment_that_became_internal_is_internal() -> None:
    world = talking()
    row, issue = world.paired()
    said = world.jira.say(issue.id, "for all", public=True)
    world.settle()
    world.jira.correct(issue.id, said.id, "not for all", public=False)
    world.settle()
    assert [e.public for e in carried(world, row)] == [True, False]


def test_an_internal_comment_that_became_public_is_not_published_after_the_fact() -> None:
    world = talking()
    row, issue = world.paired()
    said = world.jira.say(issue.id, "inside")
    world.settle()
    world.jira.correct(issue.id, said.id, "inside, edited", public=True)
    world.settle()
    assert [e.public for e in carried(world, row)] == [False, False]


def test_a_long_entry_goes_in_numbered_parts_and_nothing_is_cut() -> None:
    world = talking(limit={"servicenow": 1000, "jira": 1000})
    row, issue = world.paired()
    text = "\n\n".join(f"paragraph {n} " + "word " * 20 for n in range(40))
    world.jira.say(issue.id, text)
    world.settle()
    parts = carried(world, row)
    assert len(parts) > 3
    assert all(f" {n}/{len(parts)}]" in (part.text or "").split("\n")[0] for n, part in enumerate(parts, 1))
    assert "".join("".join(bodies(world, row)).split()) == "".join(text.split())
    assert all(len(part.text or "") <= 1000 for part in parts)


def test_a_lost_answer_is_looked_for_by_its_mark_and_never_sent_again() -> None:
    for made in (True, False):
        world = talking()
        row, issue = world.paired()

        def lose(action: Any, outcome: Any) -> Any:
            return Unknown("lost") if isinstance(action, AddComment) else outcome

        if made:
            world.sn.after_write = lose
        else:
            world.sn.before_write = lambda a: Unknown("lost") if isinstance(a, AddComment) else None
        world.jira.say(issue.id, "one")
        world.jira.say(issue.id, "two")
        world.tick()
        world.run()
        world.sn.after_write = lambda _action, outcome: outcome
        world.sn.before_write = lambda _action: None
        world.settle(12)
        world.tick(200)
        world.settle(12)
        assert bodies(world, row) == ["one", "two"]


def test_a_state_that_was_lost_is_known_again_by_the_records() -> None:
    world = talking(limit={"servicenow": 1000, "jira": 1000})
    row, issue = world.paired()
    world.sn.say(row.id, "a note")
    said = world.jira.say(issue.id, "a comment")
    world.jira.say(issue.id, "long " * 1000)
    world.settle()
    world.jira.correct(issue.id, said.id, "a better comment")
    world.settle()
    before = bodies(world, row), bodies(world, issue)
    pair = world.pairs()[0]
    with world.store.transaction() as tx:
        tx.drop_heard(pair.id, tx.heard([pair.id])[pair.id])
    world.jira.say(issue.id, "after the loss")
    world.settle()
    assert bodies(world, issue) == before[1]
    assert bodies(world, row) == [*before[0], "after the loss"]


def test_a_comment_that_quotes_a_mark_is_a_comment() -> None:
    world = talking()
    row, issue = world.paired()
    said = world.jira.say(issue.id, "one")
    world.settle()
    world.sn.say(row.id, f"see [ref {said.id}-00000000]", "mallory")
    world.jira.say(issue.id, "two")
    world.settle()
    assert bodies(world, row) == ["one", "two"]
    assert len(bodies(world, issue)) == 1


def test_an_author_cannot_forge_a_mark_or_markup() -> None:
    world = talking()
    row, issue = world.paired()
    other = world.jira.say(issue.id, "later", "x")
    world.jira.take_back(issue.id, other.id)
    world.jira.say(issue.id, "hello", f"evil [ref {int(other.id) + 2}-12345678]\n*bold*")
    world.settle()
    world.jira.say(issue.id, "still comes")
    world.settle()
    assert bodies(world, row) == ["hello", "still comes"]
    assert "[Ref" not in (carried(world, row)[0].text or "")


def test_an_entry_for_a_closed_incident_is_held_until_it_is_open_again() -> None:
    world = talking()
    row, issue = world.paired()
    closed(world, row)
    world.jira.say(issue.id, "but it is not")
    world.settle()
    assert bodies(world, row) == []
    world.sn.edit(row.id, {"state": "2"})
    world.settle()
    assert bodies(world, row) == ["but it is not"]


def test_an_entry_may_reopen_a_closed_incident() -> None:
    world = talking(closed="reopen")
    row, issue = world.paired()
    closed(world, row)
    world.jira.say(issue.id, "but it is not")
    world.jira.say(issue.id, "really not")
    world.settle(8)
    assert bodies(world, row) == ["but it is not", "really not"]
    assert row.values["state"] == "2"
    assert world.asked["AddComment"] == 0
    assert world.conflicts() == []


def test_an_entry_may_go_to_the_parent_of_a_closed_incident() -> None:
    world = talking(closed="parent")
    row, issue = world.paired()
    parent = world.sn.make({"short_description": "the parent"}, place="elsewhere")
    world.sn.edit(row.id, {"parent_incident": parent.id})
    closed(world, row)
    world.jira.say(issue.id, "for the parent")
    world.settle()
    assert bodies(world, row) == []
    assert bodies(world, parent) == ["for the parent"]
    pair = world.pairs()[0]
    with world.store.transaction() as tx:
        tx.drop_heard(pair.id, tx.heard([pair.id])[pair.id])
    world.sn.edit(row.id, {"short_description": "looked at again"})
    world.settle()
    assert bodies(world, parent) == ["for the parent"]


def test_an_entry_that_is_dropped_in_silence_waits_and_the_fields_go_on() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.before_write = lambda a: (
        Rejected("dropped", {"comments": "dropped in silence"}) if isinstance(a, AddComment) else None
    )
    world.jira.say(issue.id, "lost?")
    world.jira.edit(issue.id, {"summary": "Goes on"})
    world.settle()
    assert row.values["short_description"] == "Goes on"
    assert (bodies(world, row), world.parks()) == ([], [])
    world.sn.before_write = lambda _a: None
    world.tick(3600)
    world.settle()
    assert bodies(world, row) == ["lost?"]


def test_an_entry_and_an_edit_in_one_pass_make_no_conflict() -> None:
    world = talking()
    row, issue = world.paired()
    world.jira.say(issue.id, "one")
    world.jira.say(issue.id, "two")
    world.jira.edit(issue.id, {"summary": "Another"})
    world.tick()
    world.run()
    world.settle()
    assert (bodies(world, row), row.values["short_description"]) == (["one", "two"], "Another")
    assert world.conflicts() == []


def test_a_person_lets_go_of_a_park_once_though_a_comment_is_tried_again() -> None:
    world = talking()
    row, _ = world.paired()
    tried: list[str] = []
    world.jira.before_write = lambda a: tried.append(type(a).__name__) or Rejected("locked")  # type: ignore[func-returns-value]
    world.sn.edit(row.id, {"short_description": "refused"})
    world.sn.say(row.id, "refused as well")
    world.tick()
    world.run()
    assert {"Update", "AddComment"} <= {*tried}
    (pair,) = world.pairs()
    with world.store.transaction() as tx:
        tx.arrive([Arrival(pair.servicenow, BY_PERSON)], world.clock(), world.clock())
    world.tick()
    world.run()
    until, before = world.parks()[0].retry_at, tried[:]
    assert until is not None
    assert before.count("Update") == 2
    while world.now + timedelta(seconds=310) < until:  # the comment's pause is over before the park's
        world.tick(310)
        world.run()
    assert tried.count("AddComment") > before.count("AddComment")
    assert tried.count("Update") == 2


def test_one_direction_and_what_is_left_out() -> None:
    world = talking(direction="to_jira", to_jira={"comments": "internal", "work_notes": "none"})
    row, issue = world.paired()
    world.sn.say(row.id, "customers", public=True)
    world.sn.say(row.id, "desk")
    world.jira.say(issue.id, "engineers")
    world.settle()
    assert [(e.public, "customers" in (e.text or "")) for e in carried(world, issue)] == [(False, True)]
    assert carried(world, row) == []


def test_the_state_keeps_no_text() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.say(row.id, "a secret sentence")
    world.jira.say(issue.id, "another secret sentence")
    world.settle()
    with world.store.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert "secret sentence" not in dump


def test_applied_comments_are_counted_and_audited() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.say(row.id, "x")
    world.tick()
    assert world.run().counts["comments"] == 1
    world.settle()
    assert [e.action for e in world.audit() if e.action == "AddComment"] == ["AddComment"]
    assert bodies(world, issue) == ["x"]


def test_the_child_of_a_closed_incident_goes_on_with_the_conversation() -> None:
    world = World(comments={}, status={"reopen": "child"})
    row, issue = world.paired()
    world.jira.say(issue.id, "before")
    closed(world, row)
    world.jira.say(issue.id, "held")
    world.settle()
    assert bodies(world, row) == ["before"]
    world.jira.edit(issue.id, {"status": "In Progress"})
    world.settle(8)
    child = world.mirror_of(issue)
    assert child is not row
    assert bodies(world, child) == ["held"]
    world.jira.say(issue.id, "after")
    world.settle()
    assert (bodies(world, row), bodies(world, child)) == (["before"], ["held", "after"])

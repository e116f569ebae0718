"""What stands on a record counts, whatever a failure or an old state made Tieline believe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.base import AddComment, Ask, Conversation, Ref
from tieline.connectors.errors import ConnectorError, Gone, Rejected, Unknown
from tieline.connectors.memory import Row
from tieline.sync.conversation.model import Heard

from .test_conversation import bodies, carried, talking
from .world import World


def is_comment(action: Any) -> bool:
    return isinstance(action, AddComment)


def heard(world: World) -> list[Heard]:
    pair = world.pairs()[0].id
    with world.store.read() as tx:
        return list(tx.heard([pair])[pair])


def put_back(world: World, entries: Sequence[Heard]) -> None:
    """The conversation's state as it was."""
    pair = world.pairs()[0].id
    with world.store.transaction() as tx:
        tx.drop_heard(pair, tx.heard([pair])[pair])
        tx.save_heard(pair, entries)


def test_an_entry_that_was_taken_for_refused_and_stands_there_is_not_sent_again() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.after_write = lambda a, o: Rejected("?", {"x": "dropped in silence"}) if is_comment(a) else o
    world.jira.say(issue.id, "one")
    world.tick()
    world.run()
    world.sn.after_write = lambda _action, outcome: outcome
    world.jira.say(issue.id, "two")
    world.tick(3600)
    world.settle()
    assert bodies(world, row) == ["one", "two"]


def test_an_entry_that_was_taken_for_refused_and_edited_since_is_an_edit() -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.after_write = lambda a, o: Rejected("?", {"x": "dropped in silence"}) if is_comment(a) else o
    said = world.jira.say(issue.id, "one")
    world.tick()
    world.run()
    world.sn.after_write = lambda _action, outcome: outcome
    world.jira.correct(issue.id, said.id, "one, mended")
    world.tick(3600)
    world.settle()
    assert bodies(world, row) == ["one", "one, mended"]


@pytest.mark.parametrize("hides", ["gone", "partly"])
def test_an_incident_that_is_hidden_when_a_lost_answer_is_looked_for(
    hides: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = talking()
    row, issue = world.paired()
    world.sn.after_write = lambda a, o: Unknown("lost") if is_comment(a) else o
    world.jira.say(issue.id, "one")
    world.tick()
    world.run()
    world.sn.after_write = lambda _action, outcome: outcome
    plain = world.sn.conversations

    def hidden(asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        if not any(ask.fresh for ask in asks):
            return plain(asks)
        if hides == "gone":
            return [Gone("hidden") for _ in asks]
        return [Conversation(ask.ref, whole=False) for ask in asks]

    with monkeypatch.context() as patch:
        patch.setattr(world.sn, "conversations", hidden)
        world.tick(200)
        world.run()
    world.tick(200)
    world.settle()
    assert bodies(world, row) == ["one"]


def test_a_state_that_was_put_back_says_nothing_twice() -> None:
    world = talking()
    row, issue = world.paired()
    said = world.jira.say(issue.id, "one")
    gone = world.jira.say(issue.id, "two")
    world.sn.say(row.id, "three")
    world.settle()
    before = heard(world)
    world.jira.correct(issue.id, said.id, "one, mended")
    world.jira.take_back(issue.id, gone.id)
    world.settle()
    stood = bodies(world, row), bodies(world, issue)
    assert len(stood[0]) == 4
    due = [replace(h, fate="due", sent=0) if h.id == said.id else h for h in before]
    for state in (before, due):
        put_back(world, state)
        world.jira.edit(issue.id, {"summary": f"looked at {len(state)} {state is due}"})
        world.settle()
        assert (bodies(world, row), bodies(world, issue)) == stood


def lose_state(world: World) -> None:
    put_back(world, ())


def last_line(world: World, row: Row) -> str:
    return (carried(world, row)[-1].text or "").partition("\n")[0]


def test_what_was_edited_or_deleted_while_the_state_was_lost_is_told_once() -> None:
    world = talking()
    row, issue = world.paired()
    public = world.jira.say(issue.id, "shown", public=True)
    edited = world.jira.say(issue.id, "typo")
    kept = world.jira.say(issue.id, "kept")
    world.settle()
    lose_state(world)
    world.jira.take_back(issue.id, public.id)
    world.jira.correct(issue.id, edited.id, "mended")
    world.settle()
    assert sorted(bodies(world, row)[3:]) == ["", "mended"]
    told = [e for e in carried(world, row) if "was deleted" in (e.text or "")]
    assert [(e.public, f"{public.created:%Y-%m-%d %H:%M} UTC" in (e.text or "")) for e in told] == [
        (True, True)
    ]
    stood = bodies(world, row)
    for _ in range(2):
        lose_state(world)
        world.jira.edit(issue.id, {"summary": f"looked at again {_}"})
        world.settle()
        assert bodies(world, row) == stood
    lose_state(world)
    world.jira.take_back(issue.id, kept.id)
    world.settle()
    assert len(carried(world, row)) == len(stood) + 1
    assert "was deleted in Jira OPS-1" in last_line(world, row)


def test_what_another_issue_left_on_the_incident_does_not_count_as_deleted() -> None:
    world = talking()
    row, issue = world.paired()
    line = "Eve in Jira OPS-11, 2026-01-05 08:00 UTC [ref 777-0123abcd]"
    world.sn.talk.add(
        AddComment(Ref("servicenow", row.id), "of another issue", False, line, "[ref 777-0123abcd]"),
        "tieline",
    )
    lose_state(world)
    world.jira.edit(issue.id, {"summary": "looked at again"})
    world.settle()
    assert len(carried(world, row)) == 1


@pytest.mark.parametrize("deletions", ["note", "ignore"])
def test_a_line_that_names_no_issue_cannot_tell_of_a_deletion(deletions: str) -> None:
    said_by = "{author}" if deletions == "note" else "{author} in {side} {label}, {time}"
    world = talking(line=said_by, deletions=deletions)
    row, issue = world.paired()
    gone = world.jira.say(issue.id, "gone")
    world.settle()
    lose_state(world)
    world.jira.take_back(issue.id, gone.id)
    world.settle()
    assert bodies(world, row) == ["gone"]

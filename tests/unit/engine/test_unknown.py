"""Writes whose answer is lost: never sent twice, never taken for somebody's change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.base import Action, AddNote, Create, Reviewed, ShowLink, Transition, Update
from tieline.connectors.errors import Malformed, Unavailable, Unknown
from tieline.connectors.memory import MemorySide, Row

from .world import World


def lose(side: MemorySide, kind: type[Action], *, hidden: bool = False) -> None:
    """The first write of this kind is made, and its answer is lost; `hidden`: it shows only later."""

    def after(action: Action, outcome: Any) -> Any:
        if isinstance(action, kind):
            side.after_write = lambda _action, outcome: outcome
            if hidden:
                side.rows[outcome.ref.id].hidden = True
            return Unknown("time-out")
        return outcome

    side.after_write = after


def look_while_hidden(world: World, row: Row) -> None:
    """The lost answer is looked for while the record is hidden; then it is shown again."""
    row.hidden = True
    quiet(world)
    world.run()
    row.hidden = False


def refuse(side: MemorySide, kind: type[Action], error: Exception) -> None:
    """The first write of this kind is not made at all."""

    def before(action: Action) -> Any:
        if isinstance(action, kind):
            side.before_write = lambda _action: None
            return error
        return None

    side.before_write = before


def quiet(world: World) -> None:
    world.tick(121)


class TestCreate:
    def test_a_create_without_an_answer_is_found_by_its_marker(self, world: World) -> None:
        row = world.incident()
        lose(world.jira, Create)
        world.run(initial=True)
        assert (len(world.jira.rows), len(world.pairs()), world.intents()) == (1, 0, 1)
        quiet(world)
        world.run()
        assert world.mirror_of(row).marker == "example:operations:10001"
        world.settle()
        world.one_mirror_each()

    def test_it_is_left_alone_for_the_quiet_time(self, world: World) -> None:
        world.incident()
        lose(world.jira, Create, hidden=True)
        world.run(initial=True)
        for _ in range(3):
            world.tick(30)
            world.sn.edit("10001", {"short_description": f"again {world.now}"})
            world.run()
            assert "find" not in world.jira.requests
            assert world.writes.total() == 0
        world.jira.rows["10001"].hidden = False
        quiet(world)
        world.settle()
        world.one_mirror_each()
        world.in_step()

    def test_one_that_was_never_made_is_made_again(self, world: World) -> None:
        world.incident()
        refuse(world.jira, Create, Unknown("reset before anything was sent"))
        world.run(initial=True)
        quiet(world)
        world.run()
        assert len(world.jira.rows) == 1
        world.settle()
        world.in_step()

    def test_a_long_pass_does_not_send_it_again(self, world: World) -> None:
        """The quiet time may run out within one pass: only recovery may touch it then."""
        for n in range(3):
            world.incident(short_description=f"incident {n}")
        lose(world.jira, Create, hidden=True)
        asked = world.sn.fault

        def slow(request: str) -> None:
            world.tick(90)
            asked(request)

        world.sn.fault = world.jira.fault = slow
        world.run(initial=True)
        assert world.writes["Create"] == 3
        world.sn.fault = world.jira.fault = lambda _request: None
        for row in world.jira.rows.values():
            row.hidden = False
        quiet(world)
        world.settle()
        world.one_mirror_each()
        assert len(world.jira.rows) == 3

    def test_its_mirror_in_the_feed_does_not_come_first(self, world: World) -> None:
        row = world.incident()
        lose(world.jira, Create)
        world.run(initial=True)
        world.tick(10)
        world.run()
        assert (world.pairs(), world.parks()) == ([], [])
        quiet(world)
        world.settle()
        assert world.mirror_of(row)
        assert world.parks() == []

    def test_an_origin_that_is_hidden_meanwhile_keeps_its_mirror(self, world: World) -> None:
        """Its mirror is known: when the origin is shown again it gets no second one."""
        row = world.incident()
        lose(world.jira, Create)
        world.run(initial=True)
        look_while_hidden(world, row)
        world.sn.edit(row.id, {"short_description": "Back again"})
        for _ in range(4):
            world.tick(3600)
            world.run()
        world.one_mirror_each()
        assert world.mirror_of(row).values["summary"] == "Back again"

    def test_one_that_was_made_and_then_hidden_is_not_made_again(self, world: World) -> None:
        row = world.incident()

        def hide(action: Action, outcome: Any) -> Any:
            if isinstance(action, Create):
                world.jira.rows[outcome.ref.id].hidden = True
            return outcome

        world.jira.after_write = hide
        world.run(initial=True)
        for _ in range(3):
            world.tick(3600)
            world.run()
        assert (len(world.jira.rows), len(world.pairs()), world.intents()) == (1, 0, 1)
        next(iter(world.jira.rows.values())).hidden = False
        world.tick(3600)
        world.run()
        assert world.mirror_of(row) is next(iter(world.jira.rows.values()))
        world.settle()
        world.one_mirror_each()

    def test_a_search_that_fails_concludes_nothing(self, world: World) -> None:
        row = world.incident()
        other = world.incident(short_description="Another")
        lose(world.jira, Create)
        world.run(initial=True)
        quiet(world)

        def fault(request: str) -> None:
            if request == "find":
                raise Malformed("a record with this marker is hidden from this account")

        world.jira.fault = fault
        world.sn.edit(other.id, {"short_description": "Edited"})
        world.run()
        assert world.intents() == 1
        assert world.mirror_of(other).values["summary"] == "Edited", "stops no other pair"
        world.jira.fault = lambda _request: None
        quiet(world)
        world.settle()
        world.one_mirror_each()
        assert world.mirror_of(row)


class TestUpdate:
    def test_found_by_its_values(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        lose(world.jira, Update)
        world.run()
        assert world.intents() == 1
        quiet(world)
        world.run()
        assert (world.intents(), world.writes.total()) == (0, 0)
        assert mirror.values["summary"] == "Printer on fire"
        assert world.conflicts() == []
        world.in_step()

    def test_one_that_was_never_made_is_sent_after_the_quiet_time(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        refuse(world.jira, Update, Unknown("reset"))
        world.run()
        world.tick(30)
        world.run()
        assert world.writes.total() == 0
        quiet(world)
        world.run()
        assert mirror.values["summary"] == "Printer on fire"

    def test_a_probe_that_fails_concludes_nothing(self, world: World) -> None:
        row, mirror = world.paired()
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        lose(world.jira, Update)
        world.run()
        quiet(world)
        read = world.jira.read
        world.jira.read = lambda refs: [Unavailable("busy") for _ in refs]  # type: ignore[method-assign]
        world.run()
        assert world.intents() == 1
        world.jira.read = read  # type: ignore[method-assign]
        quiet(world)
        world.settle()
        assert mirror.values["summary"] == "Printer on fire"
        world.in_step()

    def test_one_that_a_rule_rewrote_is_not_a_persons_change(self, world: World) -> None:
        """Its values are not there as sent, but our account was the last to touch them."""
        row, mirror = world.paired()
        world.jira.rules.append(lambda r, _by: {"summary": str(r.values["summary"]).upper()})
        world.sn.edit(row.id, {"short_description": "Printer on fire"})
        lose(world.jira, Update)
        world.run()
        quiet(world)
        world.sn.edit(row.id, {"short_description": "Printer is well"})
        world.settle()
        assert world.conflicts() == [], "only one person spoke"
        assert str(mirror.values["summary"]).upper() == "PRINTER IS WELL"

    def test_a_hop_without_an_answer(self) -> None:
        hops = [{"from": "Open", "to": "In Progress"}, {"from": "In Progress", "to": "Resolved"}]
        world = World(route={"jira": {"project": "OPS", "issue_type": "Incident", "workflow": hops}})
        row, mirror = world.paired()
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "See INC7"})
        lose(world.jira, Transition)
        world.run()
        assert mirror.values["status"] == "In Progress"
        quiet(world)
        world.settle()
        assert (mirror.values["status"], row.values["state"]) == ("Resolved", "6")
        assert world.conflicts() == []

    def test_a_hop_that_was_never_made_is_not_somebody_elses(self) -> None:
        """A person sets the status that the lost hop was to reach: their choice clashes, and is told."""
        hops = [{"from": "Open", "to": "In Progress"}, {"from": "In Progress", "to": "Resolved"}]
        world = World(
            route={"jira": {"project": "OPS", "issue_type": "Incident", "workflow": hops}},
            status={"clash": "servicenow"},
        )
        row, mirror = world.paired()
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "See INC7"})
        refuse(world.jira, Transition, Unknown("reset"))
        world.run()
        world.jira.edit(mirror.id, {"status": "In Progress"})
        quiet(world)
        world.settle()
        assert (mirror.values["status"], row.values["state"]) == ("Resolved", "6")
        (conflict,) = world.conflicts()
        assert (conflict.unit, conflict.kind, conflict.winner) == ("status", "clash", "servicenow")
        assert conflict.jira["status"] == "In Progress"


class TestNotesAndLinks:
    def test_the_note_at_pairing_is_never_sent_twice(self, world: World) -> None:
        row = world.incident()
        lose(world.sn, ShowLink)
        world.run(initial=True)
        quiet(world)
        world.settle()
        assert len(row.notes) == 1
        assert world.intents() == 0

    def test_the_comment_on_a_reopening_is_never_sent_twice(self) -> None:
        world = World(status={"reopen": "comment"})
        row, mirror = world.paired(state="7", close_code="Duplicate", close_notes="See INC7")
        world.jira.edit(mirror.id, {"status": "In Progress"})
        before = len(mirror.notes) + len(row.notes)
        lose(world.jira, AddNote)
        lose(world.sn, AddNote)
        world.run()
        quiet(world)
        world.settle()
        assert len(mirror.notes) + len(row.notes) == before + 1
        assert row.values["state"] == "7"


@pytest.mark.parametrize("kind", [Create, Update, Transition, ShowLink])
def test_a_refused_side_is_asked_again_later(world: World, kind: type[Action]) -> None:
    world.incident(state="2")
    world.issue()
    for side in world.sides.values():
        refuse(side, kind, Unavailable("503"))
    world.run(initial=True)
    world.tick(60)
    world.sn.edit("10001", {"short_description": "x"})
    world.settle()
    world.one_mirror_each()
    world.in_step()


def test_an_edit_that_was_run_over_is_told_though_the_answer_shows_nothing(world: World) -> None:
    """A rule made something else of the write: a later look finds two changes, and no value of ours."""
    row, mirror = world.paired()
    look = world.sn.review
    world.sn.review = lambda writes: [  # type: ignore[method-assign]
        replace(told, alone=False) if isinstance(told, Reviewed) else told for told in look(writes)
    ]
    world.sn.rules.append(lambda r, _by: {"short_description": str(r.values["short_description"]).upper()})

    def meet(_action: Action) -> None:
        world.sn.edit(row.id, {"short_description": "Theirs"})

    def blind(_action: Action, outcome: Any) -> Any:
        return replace(outcome, record=None)

    world.sn.before_write, world.sn.after_write = meet, blind
    world.jira.edit(mirror.id, {"summary": "Ours"})
    world.tick()
    world.run(max_changes=1)
    assert row.values["short_description"] == "OURS"
    (conflict,) = world.conflicts()
    assert (conflict.kind, conflict.unit, conflict.winner) == ("race", "summary", "jira")
    assert "value unknown" in conflict.reason

"""Markers: halves that find each other again, copies, mirrors of other installations, foreign ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tieline.connectors.base import Page, Record, Ref
from tieline.connectors.errors import Malformed, TielineError, Unavailable, Unreadable
from tieline.connectors.memory import Row
from tieline.sync.marker import Marker, digest, parse_marker
from tieline.sync.model import Arrival
from tieline.sync.rebuild import rebuild
from tieline.sync.run import EVERYTHING, new_run

from .world import World


def move_unseen(world: World, mirror: Row) -> None:
    """Move an issue to a project that no feed tells of."""
    mirror.place, feed = "DEV/Bug", world.jira.feed

    def without(cursor: str | None, start: datetime) -> Iterator[Page]:
        for page in feed(cursor, start):
            yield replace(page, changes=tuple(c for c in page.changes if c.ref.id != mirror.id))

    world.jira.feed = without  # type: ignore[method-assign]


class TestMarkers:
    @pytest.mark.parametrize("text", ["", "PRTG-1234", "a:b", "a:b:", "a b:c:d", "http://x:80/y", "a:b:c:d"])
    def test_anything_else_is_none(self, text: str) -> None:
        assert parse_marker(text) is None

    def test_round_trip(self) -> None:
        parent = digest(Ref("servicenow", "f" * 32))
        for marker in (Marker("prod", "ops", "10001"), Marker("p" * 30, "r" * 30, "1" * 10, parent)):
            assert parse_marker(str(marker)) == marker
            assert len(str(marker)) <= 100, "as much as correlation_id takes"


class TestLostState:
    def test_halves_are_joined_by_their_marker(self, world: World) -> None:
        row, mirror = world.paired()
        other = world.issue()
        world.tick()
        world.run()
        copy = world.mirror_of(other)
        world.lose_the_state()
        world.tick()
        world.run(initial=True)
        assert world.mirror_of(row) is mirror
        assert world.mirror_of(other) is copy
        world.one_mirror_each()
        world.settle()
        world.in_step()

    def test_a_mirror_that_was_moved_to_another_project_is_not_made_again(self, world: World) -> None:
        """No feed tells of it any more; the incident shows the key that it had."""
        row, mirror = world.paired()
        world.sn.edit(row.id, {"correlation_display": mirror.label})
        other = world.incident(correlation_display="OPS-99")
        world.lose_the_state()
        move_unseen(world, mirror)
        world.tick()
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(row) is mirror
        assert world.mirror_of(other) is not mirror, "what it names is another's, or none"
        assert len(world.jira.rows) == 2
        world.one_mirror_each()

    def test_nor_where_its_incident_went_to_another_route_meanwhile(self, world: World) -> None:
        """Its marker names the route that it was made on."""
        raw = world.config.model_dump(by_alias=True)
        first = {**raw["route"][0], "servicenow": {"scope": "category=hardware"}}
        second = {**raw["route"][0], "name": "network", "servicenow": {"scope": "category=network"}}
        world.config = type(world.config).model_validate({**raw, "route": [first, second]})
        row, mirror = world.paired(category="hardware")
        world.sn.edit(row.id, {"correlation_display": mirror.label, "category": "network"})
        world.lose_the_state()
        move_unseen(world, mirror)
        world.tick()
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(row) is mirror
        assert ([pair.route for pair in world.pairs()], len(world.jira.rows)) == (["operations"], 1)

    @pytest.mark.parametrize("fails", [1, 3])
    def test_a_mirror_that_cannot_be_joined_yet_is_not_made_again(self, world: World, fails: int) -> None:
        """Its marker was seen, the search for others with it failed: its origin waits, and nobody else."""
        row, mirror = world.paired()
        world.lose_the_state()
        other = world.incident(short_description="Another")
        find, left = world.jira.find, [Malformed("cut off")] * fails

        def failing(marker: str, place: str, watermark: str) -> list[Record]:
            if left:
                raise left.pop()
            return find(marker, place, watermark)

        world.jira.find = failing  # type: ignore[method-assign]
        world.tick()
        world.run(initial=True)
        assert world.mirror_of(other) is not mirror
        for _ in range(6):
            world.tick(40)
            world.run()
        world.settle()
        assert len(world.jira.rows) == 2
        assert world.mirror_of(row) is mirror
        world.one_mirror_each()
        world.in_step()

    def test_a_mirror_that_could_not_be_read_is_not_made_again(self, world: World) -> None:
        """The feed told of it, and the answer to the reading left it out: its marker was not seen."""
        row, mirror = world.paired()
        world.lose_the_state()
        read, left = world.jira.read, [Unavailable("left out of the answer")]
        world.jira.read = lambda refs: [left.pop()] if refs and left else read(refs)  # type: ignore[method-assign]
        world.tick()
        world.run(initial=True)
        assert not left
        world.settle()
        assert len(world.jira.rows) == 1
        assert world.mirror_of(row) is mirror
        world.in_step()

    def test_a_mirror_that_is_parked_as_unreadable_is_not_made_again(self, world: World) -> None:
        """No answer about it can be believed, pass after pass, and neither can one that it is searched by."""
        row, mirror = world.paired()
        world.lose_the_state()
        read, find, broken = world.jira.read, world.jira.find, Malformed("an issue without a project")
        world.jira.read = lambda refs: [  # type: ignore[method-assign]
            broken if told.id == mirror.id else shown for told, shown in zip(refs, read(refs), strict=True)
        ]

        def unbelievable(marker: str, place: str, watermark: str) -> list[Record]:
            found = find(marker, place, watermark)
            if any(record.ref.id == mirror.id for record in found):
                raise broken
            return found

        world.jira.find = unbelievable  # type: ignore[method-assign]
        other = world.incident(short_description="Made meanwhile")
        for _ in range(4):
            world.tick(400)
            world.run(initial=True)
        assert [park.reason for park in world.parks() if park.key == f"r:jira:{mirror.id}"] == ["unreadable"]
        assert len(world.jira.rows) == 2
        assert world.mirror_of(other)
        world.jira.read, world.jira.find = read, find  # type: ignore[method-assign]
        for _ in range(6):
            world.tick(3600)
            world.run()
        world.settle()
        assert world.mirror_of(row) is mirror
        world.one_mirror_each()
        world.in_step()

    def test_a_rebuild_goes_on_past_a_mirror_that_cannot_be_read(self, world: World) -> None:
        row, mirror = world.paired()
        other = world.incident(short_description="Readable")
        world.settle()
        world.lose_the_state()
        marked, find, broken = world.jira.marked, world.jira.find, Malformed("a time that is none")

        def readable(installation: str) -> Iterator[Sequence[Record]]:
            for page in marked(installation):
                yield [record for record in page if record.ref.id != mirror.id]
            raise Unreadable([mirror.label])

        def unbelievable(marker: str, place: str, watermark: str) -> list[Record]:
            found = find(marker, place, watermark)
            if any(record.ref.id == mirror.id for record in found):
                raise broken
            return found

        world.jira.marked, world.jira.find = readable, unbelievable  # type: ignore[method-assign]
        run = new_run("", world.config, world.store, world.sides, world.clock, EVERYTHING)
        found = rebuild(run, lambda *_: None)
        assert found.unreadable == [mirror.label]
        assert found.counts["paired"] == 1
        assert world.mirror_of(other)
        for _ in range(3):
            world.tick(400)
            world.run(initial=True)
        assert len(world.jira.rows) == 2
        world.jira.find = find  # type: ignore[method-assign]
        world.settle()
        assert world.mirror_of(row) is mirror

    def test_whatever_the_order_and_number(self) -> None:
        world = World(limits={"wave": 5})
        for n in range(17):
            world.incident(short_description=f"Incident {n}")
        world.run(initial=True)
        world.settle()
        world.lose_the_state()
        world.tick()
        world.run(initial=True)
        assert (len(world.sn.rows), len(world.jira.rows)) == (17, 17)
        world.settle()
        world.one_mirror_each()

    def test_a_state_put_back_to_an_older_one(self) -> None:
        world = World(limits={"wave": 3})
        first = world.incident(short_description="Known")
        world.run(initial=True)
        world.settle()
        with world.store.read() as tx:
            notes = {key: tx.note(key) for key in ("initial:operations", "installation", "fingerprint")}
            cursors = {side: tx.cursor(side) for side in ("servicenow", "jira")}
            pair = tx.walk_pairs(0, 1)[0]
        for n in range(9):
            world.incident(short_description=f"Later {n}")
        world.tick()
        world.run()
        world.lose_the_state()
        with world.store.transaction() as tx:
            for key, note in notes.items():
                tx.set_note(key, note or "")
            for side, cursor in cursors.items():
                tx.set_cursor(side, cursor or "")
            tx.add_pair(pair)
        world.settle()
        assert len(world.jira.rows) == 10
        world.one_mirror_each()
        assert world.mirror_of(first)

    def test_named_alone_it_gets_no_second_mirror_either(self, world: World) -> None:
        row, mirror = world.paired()
        for n in range(3):
            world.incident(short_description=f"Other {n}")
        world.lose_the_state()
        world.tick()
        world.run(only=("INC1",))
        world.one_mirror_each()
        world.tick()
        world.run(initial=True)
        assert world.mirror_of(row) is mirror
        world.one_mirror_each()

    def test_what_differs_is_decided_by_first(self, world: World) -> None:
        row, mirror = world.paired()
        world.lose_the_state()
        world.sn.edit(row.id, {"short_description": "Theirs", "state": "2"})
        world.tick()
        world.run(initial=True)
        assert mirror.values["summary"] == "Printer broken", "first = hold"
        assert mirror.values["status"] == "In Progress", "first = servicenow"
        assert {(c.unit, c.kind, c.open) for c in world.conflicts()} == {
            ("summary", "first", True),
            ("status", "clash", False),
        }

    def test_an_origin_that_is_hidden_then(self, world: World) -> None:
        row, mirror = world.paired()
        world.lose_the_state()
        row.hidden = True
        world.jira.edit(mirror.id, {"summary": "Touched"})
        world.tick()
        world.run(initial=True)
        row.hidden = False
        world.sn.edit(row.id, {"description": "Back"})
        for _ in range(3):
            world.tick(3600)
            world.run()
        assert world.mirror_of(row) is mirror
        world.one_mirror_each()


def broken(world: World, passes: int) -> None:
    """Jira is out of order for so many passes, an hour apart."""

    def refuse(_request: str) -> None:
        raise Unavailable("out of order")

    fine, world.jira.fault = world.jira.fault, refuse
    for _ in range(passes):
        with suppress(TielineError):
            world.run(initial=True)
        world.tick(3600)
    world.jira.fault = fine


def looked_for(world: World, row: Row, passes: int) -> None:
    """The row is not shown in so many passes, twenty minutes apart."""
    row.hidden = True
    for _ in range(passes):
        world.run(initial=True)
        world.tick(1200)
    row.hidden = False


class TestHidden:
    def test_one_that_waited_long_is_not_let_go_at_the_first_answer_without_it(self, world: World) -> None:
        """Seen in the log's replay: the other side failed for days, then one answer left the row out."""
        row = world.incident()
        broken(world, 2)
        looked_for(world, row, 1)
        world.run(initial=True)
        assert world.mirror_of(row).values["summary"] == "Printer broken"

    def test_its_patience_begins_anew_once_it_was_shown(self, world: World) -> None:
        row = world.incident()
        broken(world, 1)
        looked_for(world, row, 1)
        world.jira.before_write = lambda _action: Unavailable("out of order")
        world.run(initial=True)
        world.jira.before_write = lambda _action: None
        world.tick(7200)
        looked_for(world, row, 2)
        world.run(initial=True)
        assert world.mirror_of(row).values["summary"] == "Printer broken"

    def test_a_long_night_between_two_looks_is_no_proof(self, world: World) -> None:
        row = world.incident()
        broken(world, 1)
        looked_for(world, row, 1)
        world.tick(12 * 3600)
        looked_for(world, row, 1)
        world.run(initial=True)
        assert world.mirror_of(row).values["summary"] == "Printer broken"

    def test_one_that_stays_away_is_let_go(self, world: World) -> None:
        row = world.incident()
        broken(world, 1)
        looked_for(world, row, 5)
        assert world.waiting() == 0
        assert world.parks() == []


class TestCopies:
    def test_a_clone_is_reported_and_never_paired(self, world: World) -> None:
        row, mirror = world.paired()
        clone = world.jira.make(mirror.values, marker=mirror.marker)
        world.settle()
        assert world.mirror_of(row) is mirror
        (park,) = world.parks()
        assert (park.reason, clone.label in park.detail) == ("copy", True)
        world.jira.edit(clone.id, {"summary": "My own"})
        world.settle()
        assert row.values["short_description"] == "Printer broken"
        assert len(world.sn.rows) == 1

    def test_after_the_state_was_lost_it_is_not_taken_for_a_copy_of_itself(self, world: World) -> None:
        """The copy waits before its original, so that looking at it pairs the original."""
        row, mirror = world.paired()
        clone = world.jira.make(mirror.values, marker=mirror.marker)
        world.tick()
        world.jira.edit(mirror.id, {"summary": "Touched"})
        world.lose_the_state()
        with world.store.transaction() as tx:
            tx.arrive([Arrival(Ref("jira", clone.id), "feed")], world.now - timedelta(hours=1))
        world.run(initial=True)
        world.settle()
        assert world.mirror_of(row) is mirror
        assert [park.label for park in world.parks()] == [clone.label]

    def test_without_its_marker_it_is_an_incident_of_its_own(self, world: World) -> None:
        _, mirror = world.paired()
        clone = world.jira.make(mirror.values, marker=mirror.marker)
        world.settle()
        clone.marker = ""
        world.jira.edit(clone.id, {"summary": "My own"})
        world.settle()
        assert world.mirror_of(clone).values["short_description"] == "My own"
        assert world.parks() == []

    def test_the_original_is_adopted_even_if_its_clone_is_seen_first(self, world: World) -> None:
        row, mirror = world.paired()
        world.tick(60)
        clone = world.jira.make(mirror.values, marker=mirror.marker)
        world.lose_the_state()
        world.tick(86_400)
        world.jira.edit(clone.id, {"labels": frozenset({"x"})})
        world.run(initial=True)
        assert world.mirror_of(row) is mirror
        assert [park.reason for park in world.parks()] == ["copy"]


class TestForeign:
    def test_a_mirror_of_another_installation_is_no_origin(self, world: World) -> None:
        world.jira.make({"summary": "From production"}, marker="production:operations:10077")
        summary = world.run(initial=True)
        assert len(world.sn.rows) == 0
        assert summary.counts["foreign_mirrors"] == 1

    def test_an_id_of_a_monitoring_tool_is_left_alone(self, world: World) -> None:
        row = world.sn.make({"short_description": "Disk full", "category": "hardware"}, marker="PRTG-4711")
        world.run(initial=True)
        world.settle()
        assert row.marker == "PRTG-4711"
        assert world.mirror_of(row).values["summary"] == "Disk full"

"""Relations in trouble: answers that are lost, refusals, a state that is lost; and what is kept of them."""

from __future__ import annotations

from collections import Counter

import pytest

from tieline.connectors.base import Action, Applied, Ref, Relate, Unrelate
from tieline.connectors.errors import ConnectorError, Unavailable, Unknown
from tieline.connectors.memory import Row
from tieline.sync.links.relations import relate

from .test_relations import column, links, parents, set_column, standings, touch, world_with
from .world import World


@pytest.fixture
def world() -> World:
    return world_with()


class TestTrouble:
    def lose(self, world: World, kind: type, *, made: bool) -> None:
        """The first such write loses its answer, made or not."""
        left = [True]

        def before(action: Action) -> ConnectorError | None:
            if isinstance(action, kind) and left and not made:
                left.clear()
                return Unknown("no answer")
            return None

        def after(action: Action, outcome: Applied | ConnectorError) -> Applied | ConnectorError:
            if isinstance(action, kind) and left and made:
                left.clear()
                return Unknown("no answer")
            return outcome

        for side in (world.sn, world.jira):
            side.before_write, side.after_write = before, after

    @pytest.mark.parametrize("made", [True, False])
    @pytest.mark.parametrize("origin", ["servicenow", "jira"])
    def test_a_lost_answer_makes_no_second_link(self, world: World, made: bool, origin: str) -> None:
        child, issue, parent, top = parents(world)
        self.lose(world, Relate, made=made)
        if origin == "servicenow":
            set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        else:
            world.jira.ties.link(top.id, "Parent", issue.id)
            touch(world, issue, top)
        world.tick()
        world.run()
        world.tick(200)
        world.settle()
        assert links(world) == {(top.id, "Parent", issue.id): 1}
        assert column(world, child, "parent_incident") == parent.id

    @pytest.mark.parametrize("made", [True, False])
    @pytest.mark.parametrize("origin", ["servicenow", "jira"])
    def test_a_removal_with_a_lost_answer_is_not_undone(self, world: World, made: bool, origin: str) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        self.lose(world, Unrelate, made=made)
        if origin == "servicenow":
            set_column(world, child, None, "parent_incident")
        else:
            world.jira.ties.unlink(next(iter(world.jira.ties.issue_links)))
            touch(world, issue, top)
        world.tick()
        world.run()
        world.tick(200)
        world.settle()
        assert (links(world), column(world, child, "parent_incident")) == (Counter(), "")

    def tied_meanwhile(
        self, world: World, child: Row, parent: Row, link: tuple[str, str, str], *, times: int
    ) -> None:
        """The incidents are tied, and just before that is carried the same link is made, so many times."""

        def also(action: Action) -> None:
            if isinstance(action, Relate) and not world.jira.ties.issue_links:
                for _ in range(times):
                    world.jira.ties.link(*link)

        world.jira.before_write = also
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.tick()
        world.run()
        world.settle()

    def test_a_person_who_made_the_same_link_meanwhile_keeps_theirs(self, world: World) -> None:
        child, issue, parent, top = parents(world)

        self.tied_meanwhile(world, child, parent, (top.id, "Parent", issue.id), times=1)
        assert links(world) == {(top.id, "Parent", issue.id): 1}
        assert column(world, child, "parent_incident") == parent.id

    def test_a_request_carried_out_twice_beside_a_persons_leaves_one_link(self, world: World) -> None:
        child, issue, parent, top = parents(world)

        self.tied_meanwhile(world, child, parent, (top.id, "Parent", issue.id), times=2)
        assert links(world) == {(top.id, "Parent", issue.id): 1}

    def test_a_refused_relation_is_held_and_stops_nothing_else(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        world.sn.ties.refused = frozenset({"parent_incident"})
        world.jira.ties.link(top.id, "Parent", issue.id)
        world.jira.edit(issue.id, {"summary": "Still in step"})
        touch(world, issue, top)
        world.tick()
        world.run()
        assert child.values["short_description"] == "Still in step"
        assert world.parks() == []
        (standing,) = [s for s in standings(world) if s.held]
        assert "aborted by Business Rule" in standing.held
        world.tick()
        world.run()
        assert world.asked["Relate"] == 0, "not again at once"
        world.sn.ties.refused = frozenset()
        world.tick(7 * 3600)
        touch(world, issue)
        world.settle()
        assert column(world, child, "parent_incident") == parent.id

    def test_a_busy_side_is_tried_again(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        busy = [Unavailable("busy")]
        world.jira.before_write = lambda action: busy.pop() if isinstance(action, Relate) and busy else None
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.tick()
        world.run()
        world.settle()
        assert links(world) == {(top.id, "Parent", issue.id): 1}

    def test_a_state_that_was_lost_joins_what_stands(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        world.lose_the_state()
        world.tick()
        world.run(initial=True)
        world.settle()
        assert links(world) == {(top.id, "Parent", issue.id): 1}
        assert column(world, child, "parent_incident") == parent.id

    def test_of_two_links_of_which_the_state_does_not_know_whose_they_are_one_stays(
        self, world: World
    ) -> None:
        child, issue, parent, top = parents(world)
        first = world.jira.ties.link(top.id, "Parent", issue.id)
        world.jira.ties.link(top.id, "Parent", issue.id)
        touch(world, issue, top)
        world.settle()
        assert list(world.jira.ties.issue_links) == [first]
        assert column(world, child, "parent_incident") == parent.id


class TestState:
    def test_forgetting_takes_the_reasons_and_leaves_what_stands(self, world: World) -> None:
        from tieline.sync.forget import FORGOTTEN, forget_pair

        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        third, _ = world.paired(short_description="Third")
        world.settle()
        pair = next(p for p in world.pairs() if p.servicenow.id == child.id)
        with world.store.transaction() as tx:
            relate(tx, pair, "parent", Ref("servicenow", third.id), 'named in "Ask Ada"', at=world.now)
            forget_pair(tx, pair)
        assert [s.wanted for s in standings(world) if s.wanted] == [FORGOTTEN]
        world.settle()
        assert links(world) == {(top.id, "Parent", issue.id): 1}

    def test_the_state_can_be_exported_and_checked_with_relations(self, world: World) -> None:
        from tieline.sync.store.copies import rows

        child, _, parent, _ = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        (row,) = [row for row in rows(world.store) if row["table"] == "relations"]
        assert (row["relation"], row["body"]["jira"]) == ("parent", True)

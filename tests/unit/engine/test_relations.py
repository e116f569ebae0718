"""Relations: what people tie on one side stands on the other, three-way, once, whatever happens between."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tieline.connectors.base import Ref
from tieline.connectors.memory import Row
from tieline.sync.links.relations import Standing, relate, unrelate

from .world import World

CAUSES = "Problem/Incident"
TYPES = [
    {"relation": "problem", "jira": CAUSES},
    {"relation": "caused_by", "jira": "Change"},
    {"relation": "parent", "jira": "Parent"},
]


def world_with(*types: dict[str, Any]) -> World:
    return World(links={"type": list(types) or TYPES})


@pytest.fixture
def world() -> World:
    return world_with()


def standings(world: World) -> list[Standing]:
    with world.store.read() as tx:
        return tx.walk_relations(None, 1000)


def problem(world: World, number: int = 1) -> Ref:
    """A problem that only ServiceNow knows."""
    return world.sn.ties.add("problem", f"prb{number}", f"PRB{number}")


def column(world: World, row: Row, name: str = "problem_id") -> str:
    held = world.sn.ties.columns.get(row.id, {}).get(name)
    return "" if held is None else held.id


def links(world: World) -> Counter[tuple[str, str, str]]:
    return Counter(world.jira.ties.issue_links.values())


def touch(world: World, *rows: Row) -> None:
    """What a link does on its ends: they count as changed."""
    for row in rows:
        side = world.sn if row.id in world.sn.rows and world.sn.rows[row.id] is row else world.jira
        side._stamp(row, {}, "somebody", True)


def set_column(world: World, row: Row, target: Ref | None, name: str = "problem_id") -> None:
    world.sn.ties.set(row.id, name, target)
    touch(world, row)


def parents(world: World) -> tuple[Row, Row, Row, Row]:
    """Two incidents with their mirrors: a child and what may be its parent."""
    child, issue = world.paired()
    parent, top = world.paired(short_description="Everything is down")
    return child, issue, parent, top


class TestIssueLinks:
    def test_a_parent_set_at_the_desk_is_one_link_in_jira(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.tick()
        world.run()
        assert links(world) == {(top.id, "Parent", issue.id): 1}
        assert world.asked["Relate"] == 1
        world.tick()
        world.run()
        assert world.asked["Relate"] == world.asked["Unrelate"] == 0

    def test_a_link_made_in_jira_fills_the_column(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        world.jira.ties.link(top.id, "Parent", issue.id)
        touch(world, issue, top)
        world.tick()
        world.run()
        assert column(world, child, "parent_incident") == parent.id
        world.settle()
        assert sum(links(world).values()) == 1

    def test_the_other_direction_means_the_other_end(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        world.jira.ties.link(issue.id, "Parent", top.id)
        touch(world, issue, top)
        world.tick()
        world.run()
        assert column(world, child, "parent_incident") == ""
        assert column(world, parent, "parent_incident") == child.id

    @pytest.mark.parametrize("side", ["servicenow", "jira"])
    def test_a_removal_follows_and_is_not_undone(self, world: World, side: str) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        if side == "servicenow":
            set_column(world, child, None, "parent_incident")
        else:
            (id_,) = world.jira.ties.issue_links
            world.jira.ties.unlink(id_)
            touch(world, issue, top)
        world.settle()
        assert (links(world), column(world, child, "parent_incident")) == (Counter(), "")
        assert standings(world) == []

    @pytest.mark.parametrize("how", ["hidden", "deleted"])
    def test_a_link_that_went_with_its_issue_was_taken_away_by_nobody(self, world: World, how: str) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        if how == "hidden":
            top.hidden = True
        else:
            del world.jira.rows[top.id]
        touch(world, issue)
        world.settle()
        assert column(world, child, "parent_incident") == parent.id
        (known,) = standings(world)
        assert "nobody took it away" in known.held
        if how == "hidden":
            top.hidden = False
            touch(world, issue)
            world.settle()
            (known,) = standings(world)
            assert (known.held, links(world)) == ("", {(top.id, "Parent", issue.id): 1})
            world.jira.ties.unlink(next(iter(world.jira.ties.issue_links)))
            touch(world, issue, top)
            world.settle()
            assert column(world, child, "parent_incident") == "", "and now a person took it away"

    def test_a_link_to_a_hidden_issue_goes_once_it_is_shown_again(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        top.hidden = True
        touch(world, issue)
        world.settle()
        set_column(world, child, None, "parent_incident")
        world.settle()
        assert column(world, child, "parent_incident") == ""
        top.hidden = False
        touch(world, issue)
        world.settle()
        assert (links(world), column(world, child, "parent_incident")) == (Counter(), "")

    def test_replaced_at_the_desk_replaced_in_jira(self, world: World) -> None:
        child, issue, parent, _top = parents(world)
        third, issue3 = world.paired(short_description="Third")
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        set_column(world, child, Ref("servicenow", third.id, "incident"), "parent_incident")
        world.settle()
        assert links(world) == {(issue3.id, "Parent", issue.id): 1}

    def test_links_that_stand_on_both_sides_already_are_left_alone(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.jira.ties.link(top.id, "Parent", issue.id)
        touch(world, issue)
        world.tick()
        world.run()
        assert world.asked["Relate"] == 0
        set_column(world, child, None, "parent_incident")
        world.settle()
        assert links(world) == Counter(), "it was dealt with, though nothing was written: a removal follows"

    def test_other_types_and_kinds_are_nobodys_business(self, world: World) -> None:
        child, issue, _, top = parents(world)
        world.jira.ties.link(top.id, "Relates", issue.id)
        world.jira.ties.link(top.id, CAUSES, issue.id)  # an incident is no problem
        touch(world, issue, top)
        world.tick()
        world.run()
        assert world.sn.ties.columns.get(child.id, {}) == {}
        assert standings(world) == []

    def test_a_closed_incident_still_gets_its_link(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        world.sn.edit(child.id, {"state": "2"})
        world.settle()
        world.sn.edit(child.id, {"state": "7", "close_code": "Solution provided", "close_notes": "done"})
        world.settle()
        assert (issue.values["status"], world.parks()) == ("Closed", [])
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        assert links(world) == {(top.id, "Parent", issue.id): 1}

    def test_fields_and_a_relation_in_one_pass_show_no_race(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        world.jira.edit(issue.id, {"summary": "Mail is slower"})
        world.jira.ties.link(top.id, "Parent", issue.id)
        touch(world, issue, top)
        world.settle()
        assert column(world, child, "parent_incident") == parent.id
        assert child.values["short_description"] == "Mail is slower"
        assert world.conflicts() == []

    def test_nothing_more_is_asked_where_no_relation_moved(self, world: World) -> None:
        child, _issue, parent, _ = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        world.sn.edit(child.id, {"short_description": "Printer on fire"})
        world.tick()
        world.run()
        assert world.asked["Update"] == 1
        assert not world.asked.keys() & {"targets", "remote", "seek", "Relate", "Unrelate"}

    def test_a_target_whose_pair_ends_is_still_the_same(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        ended = next(p for p in world.pairs() if p.servicenow.id == parent.id)
        with world.store.transaction() as tx:
            tx.save_pair(replace(ended, state="unlinked"))
        touch(world, child, issue)
        world.settle()
        assert column(world, child, "parent_incident") == parent.id
        assert links(world) == {(top.id, "Parent", issue.id): 1}
        set_column(world, child, None, "parent_incident")
        world.settle()
        assert links(world) == Counter(), "and it can be taken away"


class TestRemoteLinks:
    def test_a_problem_without_an_issue_is_a_remote_link(self, world: World) -> None:
        child, issue = world.paired()
        set_column(world, child, problem(world))
        world.settle()
        (link,) = world.jira.ties.remote[issue.id].values()
        assert (link.label, link.url, link.name) == ("PRB1", "https://servicenow/PRB1", "problem")
        assert links(world) == Counter()

    @pytest.mark.parametrize("side", ["servicenow", "jira"])
    def test_it_goes_where_a_person_takes_it_away(self, world: World, side: str) -> None:
        child, issue = world.paired()
        set_column(world, child, problem(world))
        world.settle()
        if side == "servicenow":
            set_column(world, child, None)
        else:
            world.jira.ties.remote[issue.id].clear()
            touch(world, issue)
        world.settle()
        assert (column(world, child), world.jira.ties.remote[issue.id]) == ("", {})

    def test_without_the_fallback_it_is_held_with_the_reason(self) -> None:
        world = world_with({"relation": "problem", "jira": CAUSES, "remote": False})
        child, _issue = world.paired()
        set_column(world, child, problem(world))
        world.settle()
        assert world.jira.ties.remote == {}
        assert "no issue" in standings(world)[0].held
        set_column(world, child, None)
        world.settle()
        assert standings(world) == []

    def test_it_gives_way_to_an_issue_link_once_there_is_an_issue(self, world: World) -> None:
        child, issue = world.paired()
        later = world.incident(short_description="Not mirrored yet", category="nowhere")
        world.sn.ties.set(child.id, "parent_incident", Ref("servicenow", later.id, "incident"))
        world.sn.ties.known["incident", later.id] = world.sn.ties.known.pop(
            ("incident", world.sn.ties.add("incident", later.id, later.label).id)
        )
        touch(world, child)
        world.settle()
        mirror = world.mirror_of(later)
        assert links(world) == {(mirror.id, "Parent", issue.id): 1}
        assert not world.jira.ties.remote.get(issue.id)

    def test_it_stays_as_long_as_the_issue_link_is_refused(self, world: World) -> None:
        child, issue = world.paired()
        later = world.incident(short_description="Not mirrored yet", category="nowhere")
        world.sn.ties.set(child.id, "parent_incident", Ref("servicenow", later.id, "incident"))
        touch(world, child)
        world.jira.ties.told, world.jira.ties.refused = True, frozenset({"Parent"})
        world.settle()
        assert list(world.jira.ties.remote[issue.id]) == [f"tieline:parent:{later.id}"]
        assert links(world) == Counter()
        world.jira.ties.refused = frozenset()
        world.tick(7 * 3600)
        touch(world, child)
        world.settle()
        assert links(world) == {(world.mirror_of(later).id, "Parent", issue.id): 1}
        assert not world.jira.ties.remote.get(issue.id)


class TestOneColumnManyLinks:
    def test_two_parents_in_jira_are_held_with_the_reason(self, world: World) -> None:
        child, issue, _, top = parents(world)
        _, other = world.paired(short_description="Third")
        world.jira.ties.link(top.id, "Parent", issue.id)
        world.jira.ties.link(other.id, "Parent", issue.id)
        touch(world, issue, top, other)
        world.settle()
        assert column(world, child, "parent_incident") == ""
        assert sum(links(world).values()) == 2
        assert all("person decides" in s.held for s in standings(world))

    def test_one_of_them_goes_and_the_other_takes_the_column(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        third, other = world.paired(short_description="Third")
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        world.jira.ties.link(other.id, "Parent", issue.id)
        touch(world, issue, other)
        world.settle()
        assert column(world, child, "parent_incident") == parent.id
        assert [s.held for s in standings(world) if s.held]
        first = next(i for i, end in world.jira.ties.issue_links.items() if end[0] == top.id)
        world.jira.ties.unlink(first)
        touch(world, issue, top)
        world.settle()
        assert column(world, child, "parent_incident") == third.id

    @pytest.mark.parametrize("rule", ["hold", "servicenow", "jira"])
    def test_both_sides_tied_apart_is_a_conflict_by_rule(self, rule: str) -> None:
        world = world_with({"relation": "parent", "jira": "Parent", "clash": rule})
        child, issue, parent, _top = parents(world)
        third, other = world.paired(short_description="Third")
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.jira.ties.link(other.id, "Parent", issue.id)
        touch(world, issue, other)
        world.settle()
        (conflict,) = world.conflicts()
        assert parent.label in conflict.reason
        assert third.label in conflict.reason or other.label in conflict.reason
        wanted = third.id if rule == "jira" else parent.id
        assert column(world, child, "parent_incident") == wanted
        assert sum(links(world).values()) == (2 if rule == "hold" else 1)


class TestWishes:
    def wish(self, world: World, row: Row, target: Ref) -> Standing:
        pair = next(p for p in world.pairs() if p.servicenow.id == row.id)
        with world.store.transaction() as tx:
            return relate(tx, pair, "parent", target, "mentioned in the close notes", at=world.now)

    def test_an_accepted_proposal_stands_on_both_sides(self, world: World) -> None:
        child, issue, parent, top = parents(world)
        self.wish(world, child, Ref("jira", top.id, "issue"))
        world.tick()
        world.run()
        assert column(world, child, "parent_incident") == parent.id
        assert links(world) == {(top.id, "Parent", issue.id): 1}
        (standing,) = standings(world)
        assert (standing.servicenow, standing.jira, standing.wanted) == (True, True, "")
        assert any("mentioned in the close notes" in why for entry in world.audit() for why in entry.why)

    def test_it_is_used_up_once(self, world: World) -> None:
        child, _issue, parent, _top = parents(world)
        self.wish(world, child, Ref("servicenow", parent.id, "incident"))
        world.settle()
        set_column(world, child, None, "parent_incident")
        world.settle()
        assert (links(world), column(world, child, "parent_incident")) == (Counter(), "")

    def test_what_a_person_set_is_not_overwritten(self, world: World) -> None:
        child, _issue, parent, _top = parents(world)
        third, _ = world.paired(short_description="Third")
        set_column(world, child, Ref("servicenow", parent.id, "incident"), "parent_incident")
        world.settle()
        kept = self.wish(world, child, Ref("servicenow", third.id, "incident"))
        assert kept.wanted
        world.settle()
        assert column(world, child, "parent_incident") == parent.id
        assert any(s.wanted and s.held for s in standings(world))

    def test_a_wish_can_be_taken_back(self, world: World) -> None:
        child, _, parent, _ = parents(world)
        target = Ref("servicenow", parent.id, "incident")
        self.wish(world, child, target)
        pair = next(p for p in world.pairs() if p.servicenow.id == child.id)
        with world.store.transaction() as tx:
            assert unrelate(tx, pair, "parent", target)
            assert not unrelate(tx, pair, "parent", target)
        world.settle()
        assert column(world, child, "parent_incident") == ""

"""Fields, people and status from either side to the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from .world import PERSON_JIRA, World


class TestFields:
    @pytest.mark.parametrize(
        ("there", "here"),
        [
            ({"short_description": "Printer on fire"}, {"summary": "Printer on fire"}),
            ({"description": "Two\nlines"}, {"description": "Two\nlines"}),
            ({"category": "database"}, {"customfield_10051": "Database"}),
            ({"category": None}, {"customfield_10051": None}),
            ({"subcategory": "db2"}, {"customfield_10052": "db2"}),
            ({"assigned_to": "u-ada"}, {"assignee": "acc-ada"}),
            ({"assignment_group": "g-net"}, {"customfield_10050": "Network"}),
            ({"impact": "1", "urgency": "1"}, {"priority": "Highest"}),
            ({"state": "2"}, {"status": "In Progress"}),
            ({"state": "3", "hold_reason": "1"}, {"status": "Waiting"}),
            ({"state": "3", "hold_reason": "4"}, {"status": "Blocked"}),
        ],
    )
    def test_both_ways(self, world: World, there: dict[str, Any], here: dict[str, Any]) -> None:
        world.everybody()
        world.incident(state="2")
        row, mirror = world.paired(subcategory="vpn")
        world.sn.edit(row.id, there)
        world.settle()
        assert {name: mirror.values.get(name) for name in here} == here
        world.in_step()

        other, copy = world.paired(subcategory="vpn", short_description="Another")
        world.jira.edit(copy.id, here)
        world.settle()
        assert {name: other.values.get(name) for name in there if name != "hold_reason"} == {
            name: value for name, value in there.items() if name != "hold_reason"
        }
        world.in_step()

    def test_a_priority_of_jira_moves_urgency_first(self, world: World) -> None:
        row, mirror = world.paired(impact="2", urgency="2")
        world.jira.edit(mirror.id, {"priority": "High"})
        world.settle()
        assert (row.values["impact"], row.values["urgency"]) == ("2", "1")
        world.in_step()

    def test_without_a_priority_in_jira_servicenow_tells_it(self, world: World) -> None:
        row = world.issue(priority=None)
        world.run(initial=True)
        world.settle()
        assert (world.mirror_of(row).values["priority"], row.values["priority"]) == ("5", "Lowest")
        world.jira.edit(row.id, {"priority": None})
        world.settle()
        assert row.values["priority"] == "Lowest"
        assert world.conflicts() == []

    def test_another_matrix_of_the_instance_counts(self, world: World) -> None:
        """What ServiceNow returns is what counts: its own look-up gives another priority than ours."""
        row, mirror = world.paired(impact="2", urgency="2")
        world.sn.rules.append(lambda r, _by: {"priority": "1"} if r.values["urgency"] == "1" else {})
        world.jira.edit(mirror.id, {"priority": "High"})
        world.settle()
        assert (row.values["priority"], mirror.values["priority"]) == ("1", "Highest")
        world.in_step()

    def test_an_unknown_person_is_nobody(self, world: World) -> None:
        world.everybody()
        row, mirror = world.paired(assigned_to="u-ada")
        assert mirror.values["assignee"] == "acc-ada"
        world.sn.edit(row.id, {"assigned_to": "u-stranger"})
        world.settle()
        assert mirror.values["assignee"] is None
        assert row.values["assigned_to"] == "u-stranger"

    def test_an_unknown_person_is_held(self) -> None:
        world = World(people={"unknown": "hold"})
        world.everybody()
        row, mirror = world.paired(assigned_to="u-ada")
        world.sn.edit(row.id, {"assigned_to": "u-stranger", "short_description": "Go on"})
        world.settle()
        assert (mirror.values["assignee"], mirror.values["summary"]) == ("acc-ada", "Go on")
        assert [(c.unit, c.kind, c.open) for c in world.conflicts()] == [("assignee", "unmapped", True)]

    def test_an_unknown_person_has_a_stand_in(self) -> None:
        world = World(people={"unknown": "default:acc-desk"})
        world.everybody()
        row, mirror = world.paired(assigned_to="u-stranger")
        world.settle()
        assert (mirror.values["assignee"], row.values["assigned_to"]) == ("acc-desk", "u-stranger")
        world.sn.edit(row.id, {"assigned_to": "u-ada"})
        world.settle()
        assert mirror.values["assignee"] == "acc-ada"
        world.in_step()

    def test_people_joined_by_the_map(self) -> None:
        """Jira Cloud often hides addresses: the map names account ids, and ServiceNow's user names."""
        world = World(people={"map": [{"servicenow": "ada", "jira": "acc-ada"}]})
        world.everybody()
        world.jira.people["acc-ada"] = replace(PERSON_JIRA, email="")
        row, mirror = world.paired(assigned_to="u-ada")
        assert mirror.values["assignee"] == "acc-ada"
        other = world.issue(assignee="acc-ada")
        world.settle()
        assert world.mirror_of(other).values["assigned_to"] == "u-ada"
        world.in_step()
        assert row.values["assigned_to"] == "u-ada"

    def test_a_person_who_appears_later_is_carried_over(self, world: World) -> None:
        world.everybody()
        ada = world.jira.people.pop("acc-ada")
        row, mirror = world.paired(assigned_to="u-ada")
        assert mirror.values.get("assignee") is None
        world.jira.people["acc-ada"] = ada
        world.tick(8 * 86_400)
        world.run()
        assert mirror.values["assignee"] == "acc-ada"
        assert world.conflicts() == []
        assert row.values["assigned_to"] == "u-ada"


class TestStatus:
    def test_resolving_carries_code_and_notes(self, world: World) -> None:
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {"state": "6", "close_code": "Known error", "close_notes": "Use the other"})
        world.settle()
        assert (mirror.values["status"], mirror.values["resolution"]) == ("Resolved", "Won't Do")
        assert mirror.values["customfield_10053"] == "Use the other"
        world.in_step()

    def test_resolving_in_jira_fills_what_servicenow_demands(self, world: World) -> None:
        row, mirror = world.paired(state="2")
        world.jira.edit(mirror.id, {"status": "Resolved", "resolution": None})
        world.settle()
        assert row.values["state"] == "6"
        assert (row.values["close_code"], row.values["close_notes"]) == (
            "Solution provided",
            "Resolved in Jira.",
        )
        world.in_step()

    def test_closing_by_itself_writes_no_more_than_the_status(self, world: World) -> None:
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "x"})
        world.settle()
        world.sn.edit(row.id, {"state": "7"}, "system", person=False)
        world.tick()
        world.run()
        assert world.writes == {"Transition": 1, "ShowLink": 1}
        assert (mirror.values["status"], mirror.values["resolution"]) == ("Closed", "Duplicate")
        world.in_step()

    def test_statuses_of_one_class_are_left_as_they_are(self) -> None:
        edges = [
            {"servicenow": "1", "jira": "Open"},
            {"servicenow": "2", "jira": "In Progress"},
            {"servicenow": ["3", "3/1", "3/4"], "jira": ["Waiting", "Blocked"]},
            {"servicenow": ["6", "7"], "jira": ["Resolved", "Closed"]},
            {"servicenow": "8", "jira": "Canceled"},
        ]
        world = World(status={"map": edges})
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {"state": "3", "hold_reason": "4"})
        world.settle()
        assert mirror.values["status"] == "Waiting"
        world.jira.edit(mirror.id, {"status": "Blocked"})
        world.tick()
        world.run()
        assert world.writes.total() == 0
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "x"})
        world.settle()
        assert mirror.values["status"] == "Resolved"
        world.sn.edit(row.id, {"state": "7"})
        world.tick()
        world.run()
        assert world.writes == {"ShowLink": 1}, "Done stays Done"

    def test_reopening_in_jira_is_written(self, world: World) -> None:
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {"state": "7", "close_code": "Duplicate", "close_notes": "x"})
        world.settle()
        world.jira.edit(mirror.id, {"status": "In Progress"})
        world.settle()
        assert row.values["state"] == "2"
        world.in_step()

    def test_reopening_in_servicenow_goes_back_through_the_workflow(self, world: World) -> None:
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "x"})
        world.settle()
        world.sn.edit(row.id, {"state": "2", "short_description": "Again"})
        world.settle()
        assert (mirror.values["status"], mirror.values["resolution"]) == ("In Progress", None)
        assert mirror.values["summary"] == "Again"
        world.in_step()

    def test_a_changed_close_code_is_not_taken_back(self, world: World) -> None:
        """Where no screen on the way takes the resolution, Jira's old one is not somebody's change."""
        row, mirror = world.paired(state="2")
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "x"})
        world.settle()
        world.sn.edit(row.id, {"state": "7", "close_code": "Workaround provided"})
        world.settle()
        assert row.values["close_code"] == "Workaround provided"
        assert mirror.values["resolution"] == "Workaround"

    def test_a_resolution_that_jira_refuses_parks_only_itself(self, world: World) -> None:
        row, mirror = world.paired(state="2")
        world.jira.locked = frozenset({"status", "resolution"})
        world.sn.edit(row.id, {"state": "6", "close_code": "Duplicate", "close_notes": "x"})
        world.settle()
        world.sn.edit(row.id, {"close_code": "Workaround provided", "short_description": "Go on"})
        world.settle()
        assert mirror.values["summary"] == "Go on"
        assert row.values["close_code"] == "Workaround provided"
        (park,) = world.parks()
        assert (park.reason, "resolution" in park.detail) == ("rejected", True)

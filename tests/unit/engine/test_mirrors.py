"""Mirrors and idle passes: what is made, and what is left alone."""

from __future__ import annotations

from .world import World


class TestMirrors:
    def test_an_incident_appears_in_jira(self, world: World) -> None:
        world.everybody()
        row = world.incident(
            state="2", impact="2", urgency="2", assigned_to="u-ada", assignment_group="g-net",
            description="Since 8 am", subcategory="vpn",
        )  # fmt: skip
        world.run(initial=True)
        mirror = world.mirror_of(row)
        assert mirror.values == {
            "summary": "Printer broken", "description": "Since 8 am", "customfield_10051": "Network",
            "customfield_10052": "vpn", "assignee": "acc-ada", "customfield_10050": "Network",
            "priority": "Medium", "status": "In Progress",
        }  # fmt: skip
        assert (row.marker, mirror.marker) == ("", "example:operations:10001")

    def test_an_issue_appears_in_servicenow(self, world: World) -> None:
        row = world.issue(priority="Highest", customfield_10051="Software")
        world.run(initial=True)
        mirror = world.mirror_of(row)
        assert mirror.values["short_description"] == "Mail is slow"
        assert (mirror.values["impact"], mirror.values["urgency"], mirror.values["priority"]) == (
            "1",
            "1",
            "1",
        )
        assert (row.marker, mirror.marker) == ("", "example:operations:10001")
        assert mirror.notes == ["Mirrored from OPS-1: https://jira/OPS-1"]

    def test_each_half_shows_the_other_and_one_note_is_left(self, world: World) -> None:
        row, mirror = world.paired()
        assert row.notes == ["Mirrored in Jira as OPS-1: https://jira/OPS-1"]
        assert [link.label for link in row.links.values()] == ["OPS-1"]
        assert [(link.label, link.status) for link in mirror.links.values()] == [("INC1", "New")]
        world.sn.edit(row.id, {"state": "2"})
        world.settle()
        assert [(link.label, link.status) for link in mirror.links.values()] == [("INC1", "In Progress")]
        assert len(row.notes) == 1

    def test_a_closed_incident_is_mirrored_closed(self, world: World) -> None:
        """Its way through the workflow is known from other issues by then."""
        world.incident(state="2")
        row = world.incident(state="7", close_code="Duplicate", close_notes="See INC1")
        world.run(initial=True)
        world.settle()
        mirror = world.mirror_of(row)
        assert (mirror.values["status"], mirror.values["resolution"]) == ("Closed", "Duplicate")
        assert mirror.values["customfield_10053"] == "See INC1"
        world.in_step()

    def test_one_request_makes_many_and_reads_are_shared(self, world: World) -> None:
        for n in range(40):
            world.incident(short_description=f"Incident {n}")
        world.run(initial=True)
        assert world.writes == {"Create": 40, "ShowLink": 80}
        assert world.asked["read"] <= 6


class TestIdle:
    def test_an_idle_pass_sees_and_writes_nothing(self, world: World) -> None:
        world.paired()
        world.tick(600)
        world.run()
        world.tick(600)
        summary = world.run()
        assert world.asked == {"feed": 2, "identity": 2, "attached": 1}
        assert (summary.counts["feed_servicenow"], summary.counts["feed_jira"]) == (0, 0)

    def test_new_files_are_asked_for_now_and_then_only(self, world: World) -> None:
        """ServiceNow's incidents do not tell of their files: that is a sweep's request, now and then."""
        world.paired()
        world.tick(600)
        world.run()
        world.tick(60)
        world.run()
        assert world.asked == {"feed": 2, "identity": 2}

    def test_what_we_wrote_is_nobodys_change(self, world: World) -> None:
        row, _ = world.paired()
        world.sn.edit(row.id, {"short_description": "Printer on fire", "urgency": "1"})
        world.run()
        assert world.writes == {"Update": 1}
        for _ in range(3):
            world.tick(20)
            world.run()
            assert world.writes.total() == 0

    def test_many_to_one_is_no_echo(self, world: World) -> None:
        """Jira cannot tell `dns` from `network`: nothing is written back, and nothing is written at all."""
        row, _ = world.paired()
        world.sn.edit(row.id, {"category": "dns"})
        world.run()
        assert world.writes.total() == 0
        world.settle()
        assert row.values["category"] == "dns"


class TestDirection:
    def test_to_jira_only(self) -> None:
        world = World(field={"summary": {"direction": "to_jira"}})
        row, mirror = world.paired()
        world.jira.edit(mirror.id, {"summary": "Mine"})
        world.settle()
        assert row.values["short_description"] == "Printer broken"
        world.sn.edit(row.id, {"short_description": "Theirs"})
        world.settle()
        assert mirror.values["summary"] == "Theirs"
        assert world.conflicts() == []

    def test_an_edit_that_is_run_over_stands_in_the_conflicts(self) -> None:
        world = World(field={"summary": {"direction": "to_jira"}})
        row, mirror = world.paired()
        world.jira.edit(mirror.id, {"summary": "Mine"})
        world.sn.edit(row.id, {"short_description": "Theirs"})
        world.settle()
        assert mirror.values["summary"] == "Theirs"
        (conflict,) = world.conflicts()
        assert (conflict.winner, conflict.jira["summary"]) == ("servicenow", "Mine")

    def test_to_servicenow_only(self) -> None:
        world = World(priority={"direction": "to_servicenow"})
        row = world.issue(priority=None)
        world.run(initial=True)
        world.settle()
        assert row.values["priority"] is None, "nothing travels to jira"
        world.jira.edit(row.id, {"priority": "Highest"})
        world.settle()
        assert world.mirror_of(row).values["priority"] == "1"

"""`tieline doctor` finds what does not fit the live systems, each thing by its code, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import Desk


def findings(desk: Desk, code: int | None, *arguments: str) -> dict[str, str]:
    """What each code said, together."""
    report = json.loads(desk.inside("doctor", "--json", *arguments, code=code))
    found: dict[str, str] = {}
    for each in report["findings"]:
        found[each["code"]] = found.get(each["code"], "") + f"{each['where']}: {each['what']}\n"
        assert each["meaning"]
        assert each["remedy"]
    return found


def swap(old: str, new: str) -> Callable[[str], str]:
    def changed(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return changed


def test_the_example_fits_the_sandbox(desk: Desk) -> None:
    desk.configure()
    found = findings(desk, 0)
    assert set(found) <= {"TD015", "TD016", "TD018", "TD033", "TD044", "TD064"}
    said = desk.process("doctor").stdout
    for word in (
        "takes us for Tieline",
        "clock",
        "time zone",
        "rate limit",
        "x-ratelimit-remaining",
        "Fit to go live",
    ):
        assert word in said


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        (swap('jira = "customfield_10052"', 'jira = "customfield_19999"'), "TD020", "customfield_19999"),
        (swap('servicenow = "description"', 'servicenow = "u_story"'), "TD020", "u_story"),
        (swap('servicenow = "description"', 'servicenow = "opened_at"'), "TD021", "opened_at"),
        (swap('jira = "Inquiry / Help"', 'jira = "Inquiries"'), "TD031", "Inquiries"),
        (swap('servicenow = "hardware", jira', 'servicenow = "hardwear", jira'), "TD030", "hardwear"),
        (swap('"8", jira = "Canceled"', '"9", jira = "Canceled"'), "TD040", "'9'"),
        (swap('jira = "Canceled"', 'jira = "Withdrawn"'), "TD041", "Withdrawn"),
        (swap('jira = "Won\'t Do"', 'jira = "Wontfix"'), "TD046", "Wontfix"),
        (swap('"Workaround provided"', '"Solved (Work Around)"'), "TD047", "Work Around"),
        (swap('jira = "Highest"', 'jira = "Blocker"'), "TD050", "Blocker"),
        (swap('marker = "customfield_10042"', 'marker = "customfield_10077"'), "TD060", "customfield_10077"),
        (swap('project = "OPS"', 'project = "NOPE"'), "TD010", "NOPE"),
        (swap('issue_type = "Incident"', 'issue_type = "Outage"'), "TD010", "Outage"),
        (swap('table = "incident"', 'table = "u_ticket"'), "TD010", "u_ticket"),
        (swap('"env:TIELINE_JIRA_TOKEN"', '"env:TIELINE_NO_SUCH"'), "TD004", "TIELINE_NO_SUCH"),
        (swap('deployment = "cloud"', 'deployment = "datacenter"'), "TD005", "datacenter"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error(
    desk: Desk, change: Callable[[str], str], code: str, word: str
) -> None:
    def whole(text: str) -> str:
        text = change(text)
        if 'deployment = "datacenter"' in text:
            text = text.replace('{ kind = "token", user', '{ kind = "basic", user').replace(
                "token = ", "password = "
            )
        return text

    desk.configure(whole)
    found = findings(desk, 1)
    assert word in found[code], found


def test_an_unreachable_side_and_a_refused_one_do_not_hide_each_other(desk: Desk) -> None:
    desk.configure(lambda text: text.replace(desk.world.urls[0], "http://127.0.0.1:9"))
    desk.extra["TIELINE_JIRA_TOKEN"] = "expired"
    found = findings(desk, 1)
    assert "servicenow" in found["TD001"]
    assert "jira" in found["TD002"]


def test_one_silent_side_does_not_keep_the_other_from_being_checked(desk: Desk) -> None:
    def changed(text: str) -> str:
        text = text.replace(desk.world.urls[0], "http://127.0.0.1:9")
        return text.replace('jira = "Canceled"', 'jira = "Withdrawn"')

    desk.configure(changed)
    found = findings(desk, 1)
    assert set(found) == {"TD001", "TD041", "TD042", "TD044"}
    desk.configure(lambda text: text.replace(desk.world.urls[1], "http://127.0.0.1:9"))
    assert set(findings(desk, 1)) <= {"TD001", "TD018"}


def test_a_value_in_use_without_a_partner_is_a_warning(desk: Desk) -> None:
    desk.world.servicenow.add_choice("category", "telephony", "Telephony")
    desk.configure()
    assert "telephony" in findings(desk, 0)["TD033"]
    desk.world.servicenow.create("joe.employee", {"short_description": "No tone", "category": "telephony"})
    found = findings(desk, 3)
    assert "telephony" in found["TD032"]
    assert "telephony" not in found["TD033"]


def test_another_matrix_is_a_warning(desk: Desk) -> None:
    desk.world.servicenow.create("joe.employee", {"short_description": "x", "impact": "3", "urgency": "3"})
    desk.configure(swap("  [3, 4, 5],", "  [3, 4, 4],"))
    assert "impact 3 and urgency 3 give 5, not 4" in findings(desk, 3)["TD051"]


def test_transitions_and_screens_are_read_off_issues(desk: Desk) -> None:
    ticket = desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Mail is down"})
    desk.world.jira.transition("beth.anglin", ticket.id, "In Progress")
    desk.configure(swap('resolution = "resolution", ', 'resolution = "labels", '))
    found = findings(desk, 1)
    assert "In Progress -> Resolved" in found["TD045"]
    assert "'In Progress'" not in found["TD044"]
    assert "'Waiting'" in found["TD044"]


def test_a_column_that_an_access_rule_hides_is_an_error(desk: Desk) -> None:
    desk.world.servicenow.create("joe.employee", {"short_description": "Disk full"})
    desk.world.servicenow.access.unreadable.add("close_notes")
    desk.configure()
    assert "close_notes" in findings(desk, 1)["TD011"]


def test_foreign_values_in_the_marker_column_are_told(desk: Desk) -> None:
    values = {"short_description": "Disk full", "correlation_id": "NAGIOS-42"}
    desk.world.servicenow.create("joe.employee", values)
    desk.configure()
    assert "1 recent" in findings(desk, 0)["TD062"]


def test_people_who_cannot_be_joined_are_a_warning_unless_they_are_mapped(desk: Desk) -> None:
    hidden = desk.world.jira.add_user("hidden.hand", display="Hidden Hand", email_hidden=True)
    desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Mail", "assignee": "hidden.hand"})
    desk.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "Disk", "assignee": "fred.luddy"})
    stranger = desk.world.servicenow.add_user("no.mail", email="")
    values = {"short_description": "x", "assigned_to": stranger["sys_id"]}
    desk.world.servicenow.create("joe.employee", values)
    desk.configure()
    found = findings(desk, 3)["TD035"]
    assert "Hidden Hand" in found
    assert "No Mail" in found
    assert "Fred" not in found
    joined = f'map = [{{ servicenow = "No Mail", jira = "{hidden}" }}]   # others'
    desk.configure(swap('map = []                            # e.g. { servicenow = "user name"', joined))
    assert "TD035" not in findings(desk, 0)


def test_a_code_can_be_explained_without_a_configuration(desk: Desk) -> None:
    said = desk.run("doctor", "--explain", "td023").stdout
    assert "create screen" in said
    assert "TD023 (error)" in said
    assert json.loads(desk.run("doctor", "--explain", "TD023", "--json").stdout)["severity"] == "error"
    assert "there is no code" in desk.run("doctor", "--explain", "TD999", code=2).stderr


def test_a_relation_wants_its_link_type_and_its_column(desk: Desk) -> None:
    def changed(text: str) -> str:
        text = text.replace('jira = "Cure"', 'jira = "Remedy"')
        return text.replace('relation = "parent"  ', 'servicenow = "u_parent"\nrelation = "parent"  ')

    desk.configure(changed)
    found = findings(desk, 1)
    assert "Remedy" in found["TD070"]
    assert "u_parent" in found["TD071"]


def test_affected_items_must_be_shown_with_their_names(desk: Desk) -> None:
    snow = desk.world.servicenow
    incident = snow.create("joe.employee", {"short_description": "Disk full"})
    disk = snow.create("admin", {"name": "disk07"}, table="cmdb_ci")
    row = snow.create("admin", {"task": incident["sys_id"], "ci_item": disk["sys_id"]}, table="task_ci")
    snow.access.hidden.add(row["sys_id"])
    desk.configure()
    assert "TD072" not in findings(desk, 0), "it is not configured"
    desk.configure(swap("affected = false", "affected = true"))
    assert "counted, and none is shown" in findings(desk, 3)["TD072"]
    snow.access.hidden.clear()
    assert "TD072" not in findings(desk, 0)
    snow.access.unreadable.add("ci_item")
    assert "without ci_item" in findings(desk, 3)["TD072"]

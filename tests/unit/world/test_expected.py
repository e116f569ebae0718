"""What both sides must show follows from the edits and the configured maps, the later edit winning."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.expected import Expected, Ledger, Maps

GROUP, CATEGORY, NOTES = "customfield_10050", "customfield_10051", "customfield_10053"


@pytest.fixture(scope="module")
def maps(root: Path) -> Maps:
    return Maps.read((root / "config.example.toml").read_text(encoding="utf-8"))


@pytest.fixture
def ledger(maps: Maps) -> Ledger:
    return Ledger(maps)


@pytest.fixture
def incident(ledger: Ledger) -> Expected:
    return ledger.raised(
        "a", "servicenow", "s1", "INC1",
        {"short_description": "Mail is slow", "category": "dns", "impact": "2", "urgency": "2",
         "assigned_to": "fred.luddy@example.com"},
    )  # fmt: skip


def test_a_raised_incident_is_expected_in_both_vocabularies(incident: Expected) -> None:
    assert incident.servicenow["priority"] == "3"
    assert {k: v for k, v in incident.jira.items() if v} == {
        "summary": "Mail is slow", CATEGORY: "Network", "assignee": "fred.luddy@example.com",
        "status": "Open", "priority": "Medium",
    }  # fmt: skip


def test_a_value_within_its_class_stays(ledger: Ledger, incident: Expected) -> None:
    ledger.edited_in_jira("a", {CATEGORY: "Network"})
    assert incident.servicenow["category"] == "dns"
    ledger.edited_in_jira("a", {CATEGORY: "Database"})
    ledger.edited_in_jira("a", {CATEGORY: "Network"})
    assert incident.servicenow["category"] == "network"


def test_the_later_edit_wins(ledger: Ledger, incident: Expected) -> None:
    ledger.edited_in_servicenow("a", {"category": "hardware"})
    ledger.edited_in_jira("a", {CATEGORY: "Software"})
    assert (incident.servicenow["category"], incident.jira[CATEGORY]) == ("software", "Software")
    ledger.edited_in_servicenow("a", {"category": "inquiry"})
    assert (incident.servicenow["category"], incident.jira[CATEGORY]) == ("inquiry", "Inquiry / Help")


def test_an_emptied_field_is_empty_on_both_sides(ledger: Ledger, incident: Expected) -> None:
    ledger.edited_in_servicenow("a", {"assigned_to": ""})
    assert incident.jira["assignee"] == ""
    ledger.edited_in_jira("a", {GROUP: "Network"})
    ledger.edited_in_jira("a", {GROUP: ""})
    assert incident.servicenow["assignment_group"] == ""


@pytest.mark.parametrize(
    ("state", "hold", "status"),
    [("1", "", "Open"), ("2", "", "In Progress"), ("3", "", "Waiting"), ("3", "1", "Waiting"),
     ("3", "4", "Blocked"), ("3", "9", "Waiting"), ("8", "", "Canceled")],
)  # fmt: skip
def test_status_from_servicenow(
    ledger: Ledger, incident: Expected, state: str, hold: str, status: str
) -> None:
    ledger.edited_in_servicenow("a", {"state": state, "hold_reason": hold})
    assert incident.jira["status"] == status


def test_resolving_in_jira_gives_the_first_code_and_reopening_clears_the_resolution(
    ledger: Ledger, incident: Expected
) -> None:
    ledger.edited_in_jira("a", {"status": "Resolved", "resolution": "Done", NOTES: "Restarted."})
    assert incident.servicenow["state"] == "6"
    assert incident.servicenow["close_code"] == "Solution provided"
    assert incident.servicenow["close_notes"] == "Restarted."
    ledger.edited_in_servicenow("a", {"state": "3", "hold_reason": "3"})
    assert (incident.jira["status"], incident.jira["resolution"]) == ("Blocked", "")
    ledger.edited_in_servicenow("a", {
        "state": "7", "hold_reason": "", "close_code": "Known error", "close_notes": "It is known.",
    })  # fmt: skip
    assert (incident.jira["status"], incident.jira["resolution"]) == ("Closed", "Won't Do")
    assert incident.jira[NOTES] == "It is known."


def test_moving_within_a_status_class_keeps_the_state(ledger: Ledger, incident: Expected) -> None:
    ledger.edited_in_servicenow("a", {"state": "3", "hold_reason": "5"})
    ledger.edited_in_jira("a", {"status": "Blocked"})
    assert incident.servicenow["hold_reason"] == "5"
    ledger.edited_in_jira("a", {"status": "Waiting"})
    assert incident.servicenow["hold_reason"] == "1"


def test_urgency_gives_way_first(ledger: Ledger, incident: Expected) -> None:
    ledger.edited_in_jira("a", {"priority": "High"})
    assert [incident.servicenow[name] for name in ("impact", "urgency", "priority")] == ["2", "1", "2"]
    ledger.edited_in_servicenow("a", {"impact": "1"})
    assert incident.jira["priority"] == "Highest"


def test_what_a_priority_moves_depends_on_the_earlier_ones_that_were_carried(
    ledger: Ledger, maps: Maps, incident: Expected
) -> None:
    """From 2/2 to High by way of Highest: 1/2 if both were carried, 2/1 if only the last one was."""

    def shows(impact: str, urgency: str) -> bool:
        found = {"impact": impact, "urgency": urgency}
        return found.items() <= incident.in_servicenow(maps, found).items()

    ledger.edited_in_jira("a", {"priority": "Highest"})
    assert (shows("1", "1"), shows("2", "1")) == (True, False)
    ledger.edited_in_jira("a", {"priority": "High"})
    assert (shows("1", "2"), shows("2", "1")) == (True, True)
    assert not shows("1", "1"), "that is another priority"
    ledger.edited_in_servicenow("a", {"impact": "2", "urgency": "1"})
    assert (shows("1", "2"), shows("2", "1")) == (False, True), "which of them it is to be was said"


@given(st.data())
def test_a_move_yields_its_priority_and_none_is_smaller(maps: Maps, data: st.DataObject) -> None:
    cells = [(impact, urgency) for impact in "123" for urgency in "123"]
    impact, urgency = data.draw(st.sampled_from(cells))
    wanted = data.draw(st.sampled_from("12345"))
    to, *others = maps.moves(impact, urgency, wanted)

    def size(cell: tuple[str, str]) -> int:
        return abs(int(cell[0]) - int(impact)) + abs(int(cell[1]) - int(urgency))

    assert {to, *others} == {cell for cell in cells if maps.computed(*cell) == wanted}
    assert all(size(to) <= size(cell) for cell in others)


def test_a_priority_that_no_move_yields_is_told(maps: Maps) -> None:
    assert maps.moves("2", "2", "9") == []

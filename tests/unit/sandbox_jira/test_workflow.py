"""Transitions: which are open, which screens and validators they have, and what they leave behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tieline.connectors.sandbox.core import Refused, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import Client, doc


def move(api: Client, issue: str, id_: str, **fields: object) -> int:
    return api("POST", f"/issue/{issue}/transitions", {"transition": {"id": id_}, "fields": fields}).status


def test_open_transitions_depend_on_the_status(api: Client) -> None:
    issue = api.create()
    shown = api("GET", f"/issue/{issue}/transitions").body["transitions"]
    assert [(t["id"], t["to"]["name"]) for t in shown] == [("11", "In Progress"), ("61", "Canceled")]
    assert "fields" not in shown[0] and [t["hasScreen"] for t in shown] == [False, True]
    assert move(api, issue, "11") == 204
    shown = api("GET", f"/issue/{issue}/transitions", expand="transitions.fields").body["transitions"]
    assert {t["to"]["name"] for t in shown} == {
        "Open", "Canceled", "Waiting", "Blocked", "Resolved", "Closed",
    }  # fmt: skip
    resolve = next(t for t in shown if t["id"] == "41")
    assert resolve["to"]["statusCategory"]["key"] == "done"
    assert resolve["fields"]["resolution"]["required"] is True
    assert [r["name"] for r in resolve["fields"]["resolution"]["allowedValues"]][:2] == ["Done", "Workaround"]
    assert resolve["fields"]["customfield_10053"]["required"] is False


@pytest.mark.parametrize("wire", [{"id": "41"}, {"id": "999"}, {}, None])
def test_other_transitions_are_refused(api: Client, wire: object) -> None:
    issue = api.create()
    reply = api("POST", f"/issue/{issue}/transitions", {"transition": wire})
    assert reply.status == 400 and reply.body["errorMessages"]
    assert api.read(issue)["fields"]["status"]["name"] == "Open"


def test_resolving_needs_a_resolution_and_reopening_clears_it(api: Client, clock: VirtualClock) -> None:
    issue = api.create()
    move(api, issue, "11")
    refused = api("POST", f"/issue/{issue}/transitions", {"transition": {"id": "41"}})
    assert refused.body == {"errorMessages": ["Field Resolution is required."], "errors": {}}
    clock.advance(timedelta(minutes=1))
    assert move(api, issue, "41", resolution={"name": "Workaround"}, customfield_10053=doc("Rebooted")) == 204
    fields = api.read(issue)["fields"]
    assert (fields["status"]["name"], fields["resolution"]["name"]) == ("Resolved", "Workaround")
    assert fields["resolutiondate"] == fields["updated"] == fields["statuscategorychangedate"]
    assert move(api, issue, "51") == 204
    assert api.read(issue)["fields"]["resolution"]["name"] == "Workaround"
    assert move(api, issue, "72") == 204
    fields = api.read(issue)["fields"]
    assert fields["resolution"] is None and fields["resolutiondate"] is None
    assert fields["customfield_10053"] == doc("Rebooted")


def test_fields_off_the_transition_screen_are_refused(api: Client) -> None:
    issue = api.create()
    body = {"transition": {"id": "11"}, "fields": {"resolution": {"name": "Done"}}}
    reply = api("POST", f"/issue/{issue}/transitions", body)
    assert (reply.status, set(reply.body["errors"])) == (400, {"resolution"})


def test_a_transition_is_one_entry_of_the_changelog(api: Client) -> None:
    issue = api.create()
    move(api, issue, "61", resolution={"name": "Duplicate"})
    (entry,) = api("GET", f"/issue/{issue}/changelog").body["values"]
    assert [(i["field"], i["fromString"], i["toString"]) for i in entry["items"]] == [
        ("resolution", None, "Duplicate"),
        ("status", "Open", "Canceled"),
    ]


def test_people_obey_the_same_workflow(site: JiraSandbox) -> None:
    ticket = site.create("abel.tuter", "OPS", "Incident", {"summary": "S"})
    with pytest.raises(Refused, match="no transition from 'Open' to 'Resolved'"):
        site.transition("abel.tuter", ticket.id, "Resolved")
    site.transition("abel.tuter", ticket.id, "In Progress")
    with pytest.raises(Refused, match="Field Resolution is required"):
        site.transition("abel.tuter", ticket.id, "Resolved")
    done = site.transition(
        "abel.tuter", ticket.id, "Closed", {"resolution": "Done", "customfield_10053": "Ok\nso"}
    )
    assert (done.status, done.values["resolution"], done.values["customfield_10053"]) == (
        "Closed",
        "Done",
        "Ok\nso",
    )

"""Scripted people, automations and rules of the site."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Refused, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox, Ticket

from .conftest import Client


def test_people_give_and_get_simple_values(site: JiraSandbox, api: Client) -> None:
    beth = site.account_id("beth.anglin")
    ticket = site.create(
        "abel.tuter", "OPS", "Incident",
        {"summary": "S", "priority": "High", "assignee": "beth.anglin@example.com", "labels": ["b", "a"],
         "customfield_10050": "Network", "customfield_10042": "m:1"},
    )  # fmt: skip
    assert (ticket.key, ticket.project, ticket.issue_type, ticket.status) == (
        "OPS-1",
        "OPS",
        "Incident",
        "Open",
    )
    values = ticket.values
    assert (values["priority"], values["assignee"], values["labels"]) == ("High", beth, ("a", "b"))
    assert (values["customfield_10050"], values["customfield_10042"]) == ("Network", "m:1")
    assert values["resolution"] is None and values["customfield_10053"] is None
    cleared = site.update(
        "abel.tuter", ticket.id, {"assignee": None, "labels": None, "customfield_10050": None}
    )
    assert [cleared.values[f] for f in ("assignee", "labels", "customfield_10050")] == [None, None, None]
    assert site.get(ticket.id) == site.by_key("OPS-1") == cleared
    assert site.issues() == [cleared]
    shown = api.read(ticket.id, expand="changelog")
    assert shown["fields"]["reporter"]["displayName"] == "Abel Tuter"
    assert {h["author"]["displayName"] for h in shown["changelog"]["histories"]} == {"Abel Tuter"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"summary": "a\nb"}, "newline"),
        ({"priority": "Urgent"}, "Priority name 'Urgent' is not valid"),
        ({"assignee": "ghost"}, "Specify a valid value for assignee"),
        ({"resolution": "Done"}, "not on the appropriate screen"),
        ({"nonsense": "x"}, "not on the appropriate screen"),
        ({"description": "x" * 32_768}, "32,767"),
    ],
)
def test_people_obey_the_rules(site: JiraSandbox, fields: dict[str, Any], words: str) -> None:
    ticket = site.create("abel.tuter", "OPS", "Incident", {"summary": "S"})
    with pytest.raises(Refused, match=words):
        site.update("abel.tuter", ticket.id, fields)
    assert site.get(ticket.id) == ticket


def test_unknown_people_and_issues_are_refused(site: JiraSandbox) -> None:
    ticket = site.create("abel.tuter", "OPS", "Incident", {"summary": "S"})
    with pytest.raises(Refused, match="does not exist"):
        site.get("OPS-9")
    with pytest.raises(Refused, match="does not exist"):
        site.update("ghost", ticket.id, {"summary": "x"})


def test_people_take_the_lock(clock: VirtualClock) -> None:
    lock = threading.RLock()
    site = JiraSandbox(clock, lock=lock)
    done = threading.Event()

    def edit() -> None:
        site.create("abel.tuter", "OPS", "Incident", {"summary": "S"})
        done.set()

    with lock:
        thread = threading.Thread(target=edit)
        thread.start()
        assert not done.wait(0.05)
    thread.join(5)
    assert done.is_set()


def test_automations_run_later_and_do_not_set_themselves_off(site: JiraSandbox, api: Client) -> None:
    ran: list[str] = []

    def triage(jira: JiraSandbox, ticket: Ticket) -> None:
        ran.append(ticket.id)
        jira.update("automation", ticket.id, {"customfield_10050": "Network"})

    site.automations.append(triage)
    issue = api.create()
    assert api.read(issue)["fields"]["customfield_10050"] is None
    assert site.tick() == 1
    shown = api.read(issue, expand="changelog")
    assert shown["fields"]["customfield_10050"]["value"] == "Network"
    assert shown["changelog"]["histories"][0]["author"]["accountType"] == "app"
    assert (site.tick(), ran) == (0, [issue])


def test_rules_rewrite_values_on_their_way_in(site: JiraSandbox, api: Client) -> None:
    def vip(before: object, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"priority": "Highest"} if "vip" in str(values.get("summary", "")) else {}

    site.rewrites.append(vip)
    issue = api.create(summary="vip cannot print", priority={"name": "Low"})
    assert api.read(issue)["fields"]["priority"]["name"] == "Highest"
    api("PUT", f"/issue/{issue}", {"fields": {"priority": {"name": "Low"}}})
    assert api.read(issue)["fields"]["priority"]["name"] == "Low"


def test_edits_follow_the_clock(site: JiraSandbox, clock: VirtualClock) -> None:
    ticket = site.create("abel.tuter", "OPS", "Incident", {"summary": "S"})
    clock.advance(timedelta(hours=1))
    later = site.comment("beth.anglin", ticket.id, "Seen", internal=True)
    assert later.updated - ticket.updated == timedelta(hours=1)


def test_deleting_leaves_no_link_behind(site: JiraSandbox, api: Client) -> None:
    ticket = site.create("abel.tuter", "OPS", "Incident", {"summary": "S"})
    copy = site.clone("abel.tuter", ticket.id)
    site.delete(ticket.id)
    assert api.read(copy.id)["fields"]["issuelinks"] == []
    assert [t.id for t in site.issues()] == [copy.id]

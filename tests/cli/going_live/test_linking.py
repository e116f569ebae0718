"""`link`, `unlink` and `adopt`: what exists already becomes a pair only when it may, and is found again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tieline.connectors.sandbox.jira.sandbox import Ticket

from .conftest import Desk

MARKER = "customfield_10042"


def incident(desk: Desk, **values: str) -> dict[str, str]:
    return desk.world.servicenow.create("joe.employee", {"short_description": "Mail is down", **values})


def issue(desk: Desk, summary: str = "Mail is down", **values: Any) -> Ticket:
    fields = {"summary": summary, "priority": "Lowest", "customfield_10051": "Inquiry / Help", **values}
    return desk.world.jira.create("beth.anglin", "OPS", "Incident", fields)


def marks(desk: Desk, ours: dict[str, str], theirs: Ticket) -> tuple[str, str]:
    """What the two marker fields hold."""
    row = desk.world.servicenow.get(ours["sys_id"])
    return row["correlation_id"], str(desk.world.jira.get(theirs.id).values[MARKER] or "")


@pytest.fixture
def ready(desk: Desk) -> Desk:
    desk.configure()
    return desk


def test_a_link_is_shown_first_and_made_when_asked(ready: Desk) -> None:
    ours, theirs = incident(ready), issue(ready, "Mail is down again")
    said = ready.run("link", ours["number"], theirs.key, code=3).stdout
    assert "hold: summary" in said
    assert "Nothing was done" in said
    assert marks(ready, ours, theirs) == ("", "")
    assert not (ready.folder / "tieline.db").exists()
    ready.process("link", theirs.key, ours["number"], "--yes")
    assert marks(ready, ours, theirs) == ("", f"example:operations:{ours['sys_id']}")
    ready.inside("sync", "--initial", code=3)
    assert len(ready.world.jira.issues()) == 1
    assert len(ready.world.servicenow.rows()) == 1
    shown = json.loads(ready.inside("show", ours["number"], "--json"))
    assert (shown["key"], shown["origin"]) == (theirs.key, "servicenow")


def test_a_linked_pair_is_found_again_when_the_state_is_lost(ready: Desk) -> None:
    ours, theirs = incident(ready), issue(ready)
    ready.run("link", ours["number"], theirs.key, "--yes")
    ready.inside("sync", "--initial")
    for file in ready.folder.glob("tieline.db*"):
        file.unlink()
    ready.inside("sync", "--initial")
    assert (len(ready.world.jira.issues()), len(ready.world.servicenow.rows())) == (1, 1)
    assert json.loads(ready.inside("show", theirs.key, "--json"))["number"] == ours["number"]


def test_a_foreign_value_is_never_overwritten_by_a_marker(ready: Desk) -> None:
    theirs = issue(ready)
    ours = incident(ready, correlation_id="NAGIOS-42")
    ready.run("link", ours["number"], theirs.key, "--yes")
    assert marks(ready, ours, theirs) == ("NAGIOS-42", f"example:operations:{ours['sys_id']}")
    both = issue(ready, "Disk full", **{MARKER: "by hand"})
    other = incident(ready, short_description="Disk full", correlation_id="NAGIOS-43")
    refused = ready.run("link", other["number"], both.key, "--yes", code=2)
    assert "never overwritten" in refused.stderr
    assert marks(ready, other, both) == ("NAGIOS-43", "by hand")


def test_a_marker_that_does_not_take_makes_no_pair(ready: Desk) -> None:
    theirs = issue(ready)
    ours = incident(ready)
    ready.world.servicenow.access.unwritable.add("correlation_id")
    older = ready.world.jira.create("beth.anglin", "OPS", "Incident", {"summary": "x", MARKER: "taken"})
    refused = ready.run("link", ours["number"], older.key, "--yes", code=1)
    assert "does not show the marker" in refused.stderr
    assert marks(ready, ours, theirs) == ("", "")
    assert "no pair" in ready.process("unlink", ours["number"], code=2).stderr


def test_what_cannot_be_a_pair_is_refused_with_the_reason(ready: Desk) -> None:
    ours, theirs = incident(ready), issue(ready)
    bug = ready.world.jira.create("beth.anglin", "DEV", "Bug", {"summary": "Crash"})
    assert "both in servicenow" in ready.run("link", ours["number"], incident(ready)["number"], code=2).stderr
    assert "DEV/Bug" in ready.run("link", ours["number"], bug.key, code=2).stderr
    assert "OPS-999" in ready.run("link", ours["number"], "OPS-999", code=2).stderr
    assert "no route" in ready.run("link", ours["number"], theirs.key, "--route", "nope", code=2).stderr
    foreign = issue(ready, **{MARKER: "elsewhere:operations:abc"})
    assert "elsewhere" in ready.run("link", ours["number"], foreign.key, code=2).stderr
    ready.run("link", ours["number"], theirs.key, "--yes")
    second = issue(ready)
    assert "tieline unlink" in ready.run("link", ours["number"], second.key, "--yes", code=2).stderr
    assert marks(ready, ours, second) == ("", "")


@pytest.mark.parametrize("leaves_scope", ["keep", "unlink"])
def test_an_unlinked_pair_is_left_alone_until_it_is_asked_for(ready: Desk, leaves_scope: str) -> None:
    ready.configure(lambda text: text.replace('leaves_scope = "keep"', f'leaves_scope = "{leaves_scope}"'))
    ours, theirs = incident(ready), issue(ready)
    ready.run("link", ours["number"], theirs.key, "--yes")
    ready.inside("sync", "--initial")
    assert ready.run("unlink", theirs.key, code=3).stdout.count("any more") == 2
    assert marks(ready, ours, theirs)[1] != ""
    ready.run("unlink", theirs.key, "--yes")
    assert marks(ready, ours, theirs) == ("", "")
    assert ready.world.servicenow.get(ours["sys_id"])["correlation_display"] == ""
    ready.world.servicenow.update("beth.anglin", ours["sys_id"], {"short_description": "Mail is up"})
    ready.inside("sync")
    assert (len(ready.world.jira.issues()), len(ready.world.servicenow.rows())) == (1, 1)
    assert ready.world.jira.get(theirs.id).values["summary"] == "Mail is down"
    assert "no pair" in ready.run("unlink", theirs.key, "--yes", code=2).stderr
    ready.run("link", ours["number"], theirs.key, "--yes")
    ready.inside("sync", code=3)  # the summaries differ, and there is no history to decide by


def test_an_unlinked_pair_may_be_mirrored_anew(ready: Desk) -> None:
    ours, theirs = incident(ready), issue(ready)
    ready.run("link", ours["number"], theirs.key, "--yes")
    ready.inside("sync", "--initial")
    said = json.loads(ready.run("unlink", ours["number"], "--yes", "--mirror-anew", "--json").stdout)
    assert said["done"] is True
    ready.inside("sync")
    assert (len(ready.world.jira.issues()), len(ready.world.servicenow.rows())) == (2, 2)


def test_halves_are_adopted_by_each_rule_and_only_where_they_are_unique(ready: Desk) -> None:
    by_key = issue(ready, "Disk full")
    key_half = incident(ready, short_description="Disk at 100 %", correlation_display=by_key.key)
    mentioned = incident(ready, short_description="VPN is slow")
    issue(ready, f"VPN is slow ({mentioned['number']})")
    twice = incident(ready, short_description="Printer jam")
    copies = [issue(ready, f"{twice['number']} jam"), issue(ready, f"jam {twice['number']}")]
    same = incident(ready, short_description="Wiki down")
    issue(ready, "Wiki  down")
    shown = json.loads(ready.inside("adopt", "--json", code=3))
    assert {(m["servicenow"], m["rule"]) for m in shown["matches"]} == {
        (key_half["number"], "key"), (mentioned["number"], "mention"),
    }  # fmt: skip
    assert shown["ambiguous"] == [
        {"rule": "mention", "servicenow": twice["number"], "jira": sorted(c.key for c in copies)}
    ]
    assert (shown["done"], shown["paired"]) == (False, 0)
    said = ready.run(
        "adopt", "--rule", "key", "--rule", "mention", "--rule", "summary", "--yes", code=3
    ).stdout
    assert "3 pairs" in said
    before = len(ready.world.jira.issues()), len(ready.world.servicenow.rows())
    ready.inside("sync", "--initial", code=None)
    made = len(ready.world.jira.issues()) - before[0], len(ready.world.servicenow.rows()) - before[1]
    assert made == (1, 2)  # only the three that were left alone got mirrors
    assert json.loads(ready.inside("show", same["number"], "--json"))["pair"] is not None
    again = json.loads(ready.inside("adopt", "--json"))
    assert again["matches"] == []


def test_halves_are_adopted_by_a_text_that_both_hold(ready: Desk) -> None:
    ours = incident(ready, origin_id="T-1")
    issue(ready, "Something else", customfield_10053="T-1")
    said = json.loads(ready.inside("adopt", "--rule", "origin_id=customfield_10053", "--yes", "--json"))
    assert [m["servicenow"] for m in said["matches"]] == [ours["number"]]
    assert said["paired"] == 1
    assert "no rule" in ready.process("adopt", "--rule", "guess", code=2).stderr


def test_what_was_raised_before_go_live_or_is_out_of_scope_is_not_adopted(ready: Desk) -> None:
    ready.configure(lambda text: text.replace('scope = "" }             #', 'scope = "category=network" } #'))
    theirs = issue(ready)
    incident(ready, category="software", correlation_display=theirs.key)
    assert json.loads(ready.inside("adopt", "--json"))["matches"] == []
    ready.configure(lambda text: text.replace("since = 2016-01-01", "since = 2999-01-01"))
    assert json.loads(ready.inside("adopt", "--json"))["matches"] == []
    ready.configure()
    assert len(json.loads(ready.inside("adopt", "--json", code=3))["matches"]) == 1

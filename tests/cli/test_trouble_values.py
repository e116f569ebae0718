"""Values and records that cannot be carried over: parked or held; others go on, nothing is erased."""

from __future__ import annotations

import pytest

from tieline.connectors.sandbox.jira import Ticket
from tieline.connectors.sandbox.servicenow.rules import Abort

from .site import BETH, Row, Site

WAYS = ", ".join(
    f'{{ from = "{start}", to = "{end}" }}'
    for start, end in (
        ("Open", "In Progress"), ("In Progress", "Waiting"), ("Waiting", "In Progress"),
        ("In Progress", "Blocked"), ("Blocked", "In Progress"), ("In Progress", "Resolved"),
        ("Resolved", "Closed"), ("Resolved", "In Progress"), ("Closed", "In Progress"),
        ("In Progress", "Canceled"),
    )
)  # fmt: skip
MARK = "cut by Tieline"


def neighbours(site: Site) -> tuple[tuple[Row, Ticket], tuple[Row, Ticket]]:
    """Two pairs in step: one that gets into trouble, and one that must go on."""
    first = site.incident(short_description="In trouble")
    second = site.incident(short_description="Goes on")
    assert site.sync("--initial").code == 0
    site.settle()
    return (first, site.mirror(first)), (second, site.mirror(second))


def test_a_status_without_a_path(site: Site) -> None:
    """The reason names the way that is missing; the fields of the pair and other pairs go on."""
    (row, ticket), (other, theirs) = neighbours(site)
    site.desk(row, state="3", hold_reason="1", short_description="On hold now")
    site.desk(other, short_description="Still going on")
    said = site.sync()
    assert said.code == 3
    assert "1 parked incident" in said.err
    assert site.ticket(theirs).values["summary"] == "Still going on"
    assert site.ticket(ticket).values["summary"] == "On hold now"
    parked = site.run("parked", "list").out
    for word in (row["number"], ticket.key, "no-path", "'Open'", "'Waiting'", "workflow"):
        assert word in parked
    assert site.ticket(ticket).status == "Open"
    site.rewrite('issue_type = "Incident", scope = ""', f'issue_type = "Incident", workflow = [{WAYS}]')
    assert site.run("parked", "retry", row["number"]).code == 0
    site.settle()
    assert site.ticket(ticket).status == "Waiting"
    assert "Nothing is parked" in site.run("parked", "list").out
    assert site.report().ok


def test_a_value_without_a_mapping(site: Site) -> None:
    (row, ticket), (other, theirs) = neighbours(site)
    site.world.servicenow.add_choice("category", "facilities")
    site.desk(row, category="facilities", short_description="The lift is stuck")
    site.desk(other, short_description="Still going on")
    said = site.sync()
    assert said.code == 3
    assert "1 open conflict" in said.err
    assert site.ticket(ticket).values["summary"] == "The lift is stuck"
    assert site.ticket(ticket).values["customfield_10051"] == "Hardware"
    assert site.ticket(theirs).values["summary"] == "Still going on"
    shown = site.run("conflicts", "show", "1").out
    for word in ("category", "'facilities'", "servicenow", "map"):
        assert word in shown
    assert site.sync().code == 3, "still held"
    site.world.jira.add_option("customfield_10051", "Facilities")
    line = '{ servicenow = "database", jira = "Database" },'
    site.rewrite(line, f'{line}\n  {{ servicenow = "facilities", jira = "Facilities" }},')
    site.settle()
    assert site.ticket(ticket).values["customfield_10051"] == "Facilities"
    assert "No open conflicts" in site.run("conflicts", "list").out
    assert site.report().ok


def test_a_person_without_a_counterpart_is_nobody(site: Site) -> None:
    (row, ticket), _ = neighbours(site)
    nora = site.world.servicenow.add_user("nora.only")
    site.desk(row, assigned_to=nora["sys_id"], short_description="Nora has it")
    site.settle()
    assert site.ticket(ticket).values["assignee"] is None
    assert site.ticket(ticket).values["summary"] == "Nora has it"
    assert site.row(row)["assigned_to"] == nora["sys_id"], "nobody's absence is not carried back"


@pytest.mark.parametrize("length", [161, 255])
def test_a_long_summary_from_jira(site: Site, length: int) -> None:
    text = "s" * (length - 5) + " tail"
    ticket = site.issue(summary=text)
    site.sync("--initial")
    site.settle()
    row = site.incident_of(ticket)
    assert len(row["short_description"]) <= 160
    assert row["short_description"].startswith("s" * 100)
    assert site.ticket(ticket).values["summary"] == text, "the tail was erased"
    site.desk(row, short_description="B" + row["short_description"][1:])
    site.settle()
    assert site.ticket(ticket).values["summary"] == "B" + text[1:], "the tail was erased"


def test_a_long_summary_from_servicenow(site: Site) -> None:
    """A column that was made longer than Jira's 255 characters."""
    site.change("servicenow", "link", "correlation_display")
    row = site.incident(short_description="z" * 160)
    site.sync("--initial")
    site.settle()
    assert site.mirror(row).values["summary"] == "z" * 160


def test_line_breaks_in_a_summary(site: Site) -> None:
    """Jira refuses them; a mirror has spaces instead, and the incident keeps its own."""
    row = site.incident(short_description="One line\nand another\r\n and a third")
    site.sync("--initial")
    site.settle()
    ticket = site.mirror(row)
    assert ticket.values["summary"] == "One line and another and a third"
    site.desk(row, short_description="Now\nagain")
    site.settle()
    assert site.ticket(ticket).values["summary"] == "Now again"
    assert site.row(row)["short_description"].split() == ["Now", "again"]


@pytest.mark.parametrize("length", [3999, 4001, 29_999, 32_767])
def test_a_long_text_from_jira(site: Site, length: int) -> None:
    text = "d" * (length - 9) + " the tail"
    ticket = site.issue(description=text)
    site.sync("--initial")
    site.settle()
    row = site.incident_of(ticket)
    assert len(row["description"]) <= 4000
    assert (MARK in row["description"]) == (length > 4000)
    assert site.ticket(ticket).values["description"] == text, "the tail was erased"
    site.desk(row, description="e" + row["description"][1:])
    site.settle()
    assert site.ticket(ticket).values["description"] == "e" + text[1:], "the tail was erased"
    assert len(site.row(row)["description"]) <= 4000


def test_a_copy_that_lost_the_mark_of_its_cut_is_held(site: Site) -> None:
    text = "d" * 31_000 + " the tail"
    ticket = site.issue(description=text)
    site.sync("--initial")
    site.settle()
    row = site.incident_of(ticket)
    site.desk(row, description="A new text, short and complete")
    said = site.sync()
    assert said.code == 3
    assert site.ticket(ticket).values["description"] == text
    assert "only the beginning" in site.run("conflicts", "show", "1").out
    assert site.run("conflicts", "resolve", "1", "--take", "servicenow").code == 0
    site.settle()
    assert site.ticket(ticket).values["description"] == "A new text, short and complete"
    assert site.report().ok


def test_a_copy_that_grew_past_the_limit_is_held(site: Site) -> None:
    """Its full text would not fit any more: nothing is cut off to make it fit."""
    text = "d" * 32_757 + " the tail"
    ticket = site.issue(description=text)
    site.sync("--initial")
    site.settle()
    row = site.incident_of(ticket)
    head, _, mark = row["description"].partition("\n\n[")
    site.desk(row, description=head[:3800] + "\n\n[" + mark)
    site.settle()
    assert str(site.ticket(ticket).values["description"]).endswith(" the tail")
    fits = len(str(site.ticket(ticket).values["description"]))
    assert fits < len(text)
    site.engineer(ticket, description=text)
    site.settle()
    again = site.row(row)["description"]
    site.desk(row, description="More words. " + again[:-100] + again[-80:])
    before = site.ticket(ticket).values["description"]
    said = site.sync()
    after = site.ticket(ticket).values["description"]
    assert after == before or str(after).endswith(" the tail")
    assert said.code in (0, 3)


@pytest.mark.parametrize("end", ["deleted", "hidden"])
def test_an_issue_that_is_gone(site: Site, end: str) -> None:
    """Its pair is parked; nothing is closed or deleted on the other side, and other pairs go on."""
    (row, ticket), (other, theirs) = neighbours(site)
    (site.world.jira.delete if end == "deleted" else site.world.jira.hide)(ticket.id)
    site.desk(row, short_description="Edited after it went")
    site.desk(other, short_description="Still going on")
    said = site.sync()
    assert said.code == 3
    assert site.ticket(theirs).values["summary"] == "Still going on"
    parked = site.run("parked", "list").out
    assert ticket.key in parked
    assert "deleted, or hidden" in parked
    assert site.row(row)["state"] == "1"
    assert len(site.mirrors(row)) == (0 if end == "deleted" else 1), "no second mirror"
    shown = site.run("show", row["number"])
    assert shown.code == 0
    assert "(gone)" in shown.out
    if end == "hidden":
        site.world.jira.unhide(ticket.id)
        assert site.run("parked", "retry", ticket.key).code == 0
        site.settle()
        assert site.ticket(ticket).values["summary"] == "Edited after it went"
        assert site.report().ok


@pytest.mark.parametrize("end", ["deleted", "hidden"])
def test_an_incident_that_is_gone(site: Site, end: str) -> None:
    (row, ticket), (other, theirs) = neighbours(site)
    if end == "deleted":
        site.world.servicenow.delete(row["sys_id"])
    else:
        site.world.servicenow.access.hidden.add(row["sys_id"])
    site.engineer(ticket, summary="Edited after it went")
    site.engineer(theirs, summary="Still going on")
    said = site.sync()
    assert said.code == 3
    assert site.row(other)["short_description"] == "Still going on"
    assert row["number"] in site.run("parked", "list").out
    assert site.ticket(ticket).status == "Open"
    if end == "hidden":
        site.world.servicenow.access.hidden.clear()
        assert site.run("parked", "retry", row["number"]).code == 0
        site.settle()
        assert site.row(row)["short_description"] == "Edited after it went"


def test_an_issue_that_was_moved(site: Site) -> None:
    """The id stays: the pair goes on, under the new key."""
    (row, ticket), _ = neighbours(site)
    site.world.jira.move(BETH, ticket.id, "DEV")
    site.desk(row, short_description="Edited after the move")
    site.settle()
    moved = site.ticket(ticket)
    assert moved.key.startswith("DEV-")
    assert moved.values["summary"] == "Edited after the move"
    assert len(site.mirrors(row)) == 1
    for name in (ticket.key, moved.key, row["number"]):
        assert moved.key in site.run("show", name).out


def test_a_rule_in_servicenow_that_rewrites(site: Site) -> None:
    """What the system makes of a write is its own; it is no conflict, and no write a pass for ever."""
    (row, ticket), _ = neighbours(site)
    site.world.servicenow.writing.rules.append(
        lambda _before, after, _user: {"short_description": after["short_description"].upper()}
    )
    site.engineer(ticket, summary="Quietly said")
    site.settle()
    assert site.row(row)["short_description"] == "QUIETLY SAID"
    assert site.ticket(ticket).values["summary"] == "QUIETLY SAID"
    assert "No conflicts" in site.run("conflicts", "list", "--all").out


def test_a_rule_in_jira_that_rewrites(site: Site) -> None:
    (row, ticket), _ = neighbours(site)
    site.world.jira.rewrites.append(
        lambda _before, wanted: {"summary": str(wanted["summary"]).lower()} if "summary" in wanted else {}
    )
    site.desk(row, short_description="LOUDLY SAID")
    site.settle()
    assert site.ticket(ticket).values["summary"] == "loudly said"
    assert site.row(row)["short_description"] == "loudly said"
    assert "No conflicts" in site.run("conflicts", "list", "--all").out


def test_rules_on_both_sides_that_fight_end(site: Site) -> None:
    (_, ticket), _ = neighbours(site)
    site.world.servicenow.writing.rules.append(
        lambda _before, after, _user: {"short_description": after["short_description"].upper()}
    )
    site.world.jira.rewrites.append(
        lambda _before, wanted: {"summary": str(wanted["summary"]).lower()} if "summary" in wanted else {}
    )
    site.engineer(ticket, summary="Which is it")
    counts = []
    for _ in range(12):
        before = site.writes
        site.sync(after=180)
        counts.append(site.writes - before)
    assert counts[-3:] == [0, 0, 0], counts
    shown = site.run("conflicts", "show", "1").out
    for word in ("flapping", "two rules fight", "'WHICH IS IT'", "'which is it'"):
        assert word in shown


def test_a_refusal_of_a_system_parks_its_pair_only(site: Site) -> None:
    (row, ticket), (other, theirs) = neighbours(site)

    def rule(_before: object, after: Row, _user: str) -> None:
        if "forbidden" in after["short_description"]:
            raise Abort("No such words")

    site.world.servicenow.writing.rules.append(rule)
    site.engineer(ticket, summary="forbidden words")
    site.engineer(theirs, summary="Still going on")
    said = site.sync()
    assert said.code == 3, said.all
    assert site.row(other)["short_description"] == "Still going on"
    assert row["number"] in site.run("parked", "list").out
    site.world.servicenow.writing.rules.clear()
    site.run("parked", "retry", "--all")
    site.settle()
    assert site.row(row)["short_description"] == "forbidden words"

"""Retention, `forget` and `leave`: what the state keeps, what it must not keep, and how the mirror ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .site import Row, Site, data, writes_of

WORD = "Zimtstern"
"""Stands in one ticket and nowhere else."""


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def state_holds(site: Site, word: str) -> bool:
    """Whether any byte of the state's files holds the word."""
    files = site.folder.glob("tieline.db*")
    return any(word.encode() in file.read_bytes() for file in files)


class TestRetention:
    def test_a_pass_drops_what_is_old_once_a_day(self, site: Site) -> None:
        row, _ = site.paired()
        assert lines(site.run("audit", "--json").out)
        site.change("keep", "audit", "30d")
        site.wait(31 * 86400)
        site.desk(row, short_description="New")
        assert site.sync().code == 0
        found = lines(site.run("audit", "--json").out)
        assert found
        assert {entry["new"].get("summary") for entry in found if entry["action"] == "Update"} == {"New"}
        assert not any(entry["action"] == "Create" for entry in found)

    def test_open_conflicts_stay(self, site: Site) -> None:
        row, ticket = site.paired()
        site.rewrite('tie = "servicenow"\nfirst = "hold"', 'tie = "hold"\nfirst = "hold"')
        site.desk(row, short_description="One")
        site.engineer(ticket, summary="Two")
        site.sync()
        site.change("keep", "conflicts", "1d")
        site.wait(40 * 86400)
        site.sync()
        assert len(site.run("conflicts", "list", "--json").json) == 1

    @pytest.mark.parametrize("wrong", ["1h", "soon", "400000d"])
    def test_a_wrong_age_is_a_fault_of_the_file(self, site: Site, wrong: str) -> None:
        site.change("keep", "audit", wrong)
        said = site.run("config", "check")
        assert said.code == 2
        assert "keep.audit" in said.out

    def test_several_years_are_fine(self, site: Site) -> None:
        site.change("keep", "audit", "3650d")
        assert site.run("config", "check").code == 0


class TestForget:
    @pytest.fixture
    def known(self, site: Site) -> Row:
        row, ticket = site.paired(short_description=f"{WORD} on the keyboard", description=f"{WORD} again")
        site.desk(row, short_description=f"Two {WORD}")
        site.settle()
        assert site.mirror(row).values["summary"] == f"Two {WORD}"
        assert ticket.key in site.run("audit").out
        return row

    def test_says_first_what_would_go(self, site: Site, known: Row) -> None:
        said = site.run("forget", known["number"])
        assert said.code == 0
        assert "Would forget" in said.out
        assert "add --yes" in said.out
        assert state_holds(site, WORD)

    def test_no_text_of_the_ticket_is_left(self, site: Site, known: Row) -> None:
        said = site.run("forget", known["number"], "--yes")
        assert said.code == 0
        assert "What remains:" in said.out
        assert "backups" in said.out
        assert not state_holds(site, WORD)
        entries = lines(site.run("audit", known["number"], "--json").out)
        assert entries, "that something was written, where and when, remains"
        assert {v for e in entries for v in e["new"].values()} <= {None, "(forgotten)"}
        assert WORD in site.row(known)["short_description"], "tickets are not touched"

    def test_the_mirror_goes_on(self, site: Site, known: Row) -> None:
        site.run("forget", known["number"], "--yes")
        site.wait(60)
        before = site.writes
        assert site.sync().code == 0
        site.desk(known, short_description="On it goes")
        site.settle()
        assert site.mirror(known).values["summary"] == "On it goes"
        assert site.writes > before
        assert site.run("state", "check").code == 0

    def test_a_person(self, site: Site) -> None:
        row, _ = site.paired()
        fred = next(u for u in site.world.servicenow.rows("sys_user") if u["user_name"] == "fred.luddy")
        site.desk(row, assigned_to=fred["sys_id"])
        site.settle()
        site.desk(row, short_description="Ask Fred.Luddy@example.com about it")
        site.settle()
        assert state_holds(site, fred["sys_id"])
        said = site.run("forget", "--person", "Fred.Luddy@example.com", "--yes", "--json")
        assert said.code == 0
        assert said.json["entries"]["people"] >= 1
        assert said.json["entries"]["audit"] >= 2
        assert not state_holds(site, fred["sys_id"])
        assert not state_holds(site, "fred.luddy")
        assert site.sync().code == 0
        assert site.report().ok

    def test_nobody_and_nothing(self, site: Site) -> None:
        site.paired()
        assert site.run("forget").code == 2
        assert site.run("forget", "INC1", "--person", "x@example.com").code == 2
        assert site.run("forget", "INC1", "--yes").code == 2
        assert site.run("forget", "--person", "nobody@example.com", "--yes").code == 0

    def test_by_the_real_program(self, live: Site) -> None:
        row = live.incident(short_description=WORD)
        live.run("sync", "--initial")
        assert live.process("forget", row["number"], "--yes", "--json").json["forgotten"] is True
        assert not state_holds(live, WORD)


class TestLeave:
    def test_shows_the_plan_first(self, site: Site) -> None:
        row, _ = site.paired()
        before, state = site.sides(), site.state.read_bytes()
        said = site.run("leave")
        assert said.code == 0
        assert row["number"] in said.out
        assert "1 pairs would end" in said.out
        assert (site.sides(), site.state.read_bytes()) == (before, state)

    def test_takes_markers_and_links_off_and_nothing_else(self, site: Site) -> None:
        row, ticket = site.paired()
        own = site.issue()
        site.settle()
        mirror = site.incident_of(own)
        kept = {n: v for n, v in site.row(row).items() if not n.startswith(("sys_", "correlation_"))}
        said = site.run("leave", "--yes")
        assert said.code == 0, said.all
        assert "2 pairs ended" in said.out
        after = site.row(row)
        assert {n: v for n, v in after.items() if not n.startswith(("sys_", "correlation_"))} == kept
        assert after["correlation_display"] == ""
        assert site.row(mirror)["correlation_id"] == ""
        assert site.row(mirror)["correlation_display"] == ""
        for each in (site.ticket(ticket), site.ticket(own)):
            assert not each.values["customfield_10042"]
            assert site.world.jira.site.store.issues[int(each.id)].remote_links == []

    def test_no_pass_runs_afterwards(self, site: Site) -> None:
        row, _ = site.paired()
        site.run("leave", "--yes")
        site.desk(row, short_description="Later")
        before = site.writes
        said = site.sync()
        assert said.code == 1
        assert "was left" in said.err
        assert site.writes == before
        assert len(site.world.jira.issues()) == 1
        status = site.run("status")
        assert status.code == 1
        assert "was left" in status.out

    def test_with_markers_kept_rebuild_takes_it_up_again(self, site: Site) -> None:
        row, ticket = site.paired()
        before = site.sides()
        assert site.run("leave", "--keep", "--yes").code == 0
        assert site.sides() == before
        assert site.sync().code == 1
        assert site.run("rebuild", "--json").json["paired"] == 1
        site.wait(600)
        site.desk(row, short_description="Again in step")
        site.settle()
        assert site.ticket(ticket).values["summary"] == "Again in step"
        assert len(site.world.jira.issues()) == 1

    def test_a_foreign_mark_stays(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, correlation_id="monitoring 4711")
        site.run("leave", "--yes")
        assert site.row(row)["correlation_id"] == "monitoring 4711"

    def test_stopped_half_way_it_goes_on(self, site: Site) -> None:
        site.paired()
        site.incident(short_description="Another")
        site.settle()
        refusal = data(400, {"errorMessages": ["Not now"], "errors": {}})
        left = [1]

        def once(request: Any) -> Any:
            if writes_of(request) and left:
                left.pop()
                return refusal
            return None

        site.fault("jira", once)
        said = site.run("leave", "--yes")
        assert said.code == 3
        assert "run this again" in said.err
        site.calm()
        site.wait(60)
        assert site.run("leave", "--yes").code == 0
        assert all(not t.values["customfield_10042"] for t in site.world.jira.issues())

    def test_by_the_real_program(self, live: Site) -> None:
        live.incident()
        live.run("sync", "--initial")
        assert lines(live.process("leave", "--json").out)[-1]["summary"]["done"] is False
        assert live.process("leave", "--yes").code == 0
        assert live.process("sync").code == 1

"""`parked show|drop`, `undo`, and a changed mapping: what people do when something is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .site import Site, data, writes_of


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def last_pass(site: Site) -> str:
    found: str = site.run("status", "--json").json["passes"][0]["id"]
    return found


class TestParked:
    @pytest.fixture
    def parked(self, site: Site) -> str:
        """An incident whose status no transition leads to."""
        row, _ = site.paired()
        site.rewrite('{ servicenow = "8", jira = "Canceled" },', '{ servicenow = "8", jira = "Nowhere" },')
        site.sync("--accept")
        site.desk(row, state="8")
        assert site.sync().code == 3
        number: str = row["number"]
        return number

    def test_show_tells_why_since_when_and_what_happened(self, site: Site, parked: str) -> None:
        said = site.run("parked", "show", parked)
        assert said.code == 0
        assert "no-path" in said.out
        assert f"tieline parked retry {parked}" in said.out
        assert site.run("parked", "show", parked, "--json").json["reason"] == "no-path"

    def test_drop_takes_it_off_the_list(self, site: Site, parked: str) -> None:
        assert site.run("parked", "drop", parked).code == 0
        assert site.run("parked", "list").out == "Nothing is parked\n"
        again = site.run("parked", "drop", parked)
        assert again.code == 2
        assert "tieline parked list" in again.err

    def test_what_is_dropped_comes_back_if_nothing_changed(self, site: Site, parked: str) -> None:
        site.run("parked", "drop", parked)
        site.wait(13 * 3600)
        assert site.sync().code == 3
        assert parked in site.run("parked", "list").out

    def test_by_the_real_program(self, live: Site) -> None:
        live.run("sync", "--initial")
        for command in ("show", "drop"):
            said = live.process("parked", command, "INC1")
            assert said.code == 2
            assert "not parked" in said.err


class TestUndo:
    def test_shows_first_and_writes_nothing(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong", state="2")
        site.sync()
        before = site.writes
        said = site.run("undo", last_pass(site))
        assert said.code == 0
        assert "jira summary: 'Wrong' -> 'The printer is broken'" in said.out
        assert "jira status -> 'Open'" in said.out
        assert "add --yes" in said.out
        assert site.writes == before
        assert site.ticket(ticket).values["summary"] == "Wrong"

    def test_puts_back_and_the_next_pass_leaves_it(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong", state="2")
        site.sync()
        said = site.run("undo", last_pass(site), "--yes")
        assert said.code == 0, said.all
        assert site.ticket(ticket).values["summary"] == "The printer is broken"
        assert site.ticket(ticket).status == "Open"
        assert site.row(row)["short_description"] == "Wrong", "the other side keeps what it has"
        site.settle()
        before = site.writes
        assert site.sync(after=180).code == 0
        assert site.writes == before
        assert site.ticket(ticket).status == "Open"
        assert site.ticket(ticket).values["summary"] == "The printer is broken"
        assert site.row(row)["short_description"] == "Wrong"

    def test_verify_names_it_and_the_next_change_ends_it(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong")
        site.sync()
        site.run("undo", last_pass(site), "--yes")
        site.settle()
        site.settle()
        said = site.run("verify")
        assert said.code == 3
        assert "summary: undone" in said.out
        site.desk(row, short_description="Right")
        site.settle()
        assert site.ticket(ticket).values["summary"] == "Right"
        assert site.run("verify").code == 0

    def test_carry_takes_it_to_the_other_side(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong")
        site.sync()
        assert site.run("undo", last_pass(site), "--yes", "--carry").code == 0
        site.settle()
        assert site.row(row)["short_description"] == "The printer is broken"
        assert site.ticket(ticket).values["summary"] == "The printer is broken"
        assert site.report().ok

    def test_what_a_person_touched_since_is_left(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong", description="Wrong too")
        site.sync()
        wrong = last_pass(site)
        site.wait(60)
        site.engineer(ticket, summary="A person's own words")
        said = site.run("undo", wrong, "--yes")
        assert said.code == 3
        assert "summary in jira: somebody changed it since" in said.out
        assert site.ticket(ticket).values["summary"] == "A person's own words"
        assert not site.ticket(ticket).values["description"]

    def test_what_a_later_pass_wrote_is_left(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong")
        site.sync()
        wrong = last_pass(site)
        site.wait(60)
        site.desk(row, short_description="Later")
        site.sync()
        said = site.run("undo", wrong, "--yes")
        assert "summary in jira: a later pass wrote it" in said.out
        assert site.ticket(ticket).values["summary"] == "Later"

    def test_a_mirror_is_never_deleted(self, site: Site) -> None:
        row, ticket = site.paired()
        first = lines(site.run("audit", row["number"], "--json").out)[-1]["pass"]
        said = site.run("undo", first, "--yes")
        assert f"not undone: made {ticket.key}" in said.out
        assert site.mirror(row).key == ticket.key

    def test_an_undo_can_be_undone(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Right after all")
        site.sync()
        site.wait(60)
        site.run("undo", last_pass(site), "--yes")
        site.wait(60)
        assert site.run("undo", last_pass(site), "--yes").code == 0
        assert site.ticket(ticket).values["summary"] == "Right after all"

    def test_a_refused_write_parks_and_is_told(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Wrong")
        site.sync()
        refusal = data(400, {"errorMessages": [], "errors": {"summary": "No."}})
        site.fault("jira", lambda request: refusal if writes_of(request) else None)
        said = site.run("undo", last_pass(site), "--yes")
        assert said.code == 3
        assert "did not come through" in said.out
        site.calm()
        assert site.ticket(ticket).values["summary"] == "Wrong"
        assert "No." in site.run("parked", "list").out

    def test_an_unknown_pass(self, site: Site) -> None:
        site.paired()
        said = site.run("undo", "20200101-000000-aaaa")
        assert said.code == 2
        assert "tieline status" in said.err

    def test_by_the_real_program(self, live: Site) -> None:
        row = live.incident()
        live.run("sync", "--initial")
        live.desk(row, short_description="Wrong")
        live.run("sync")
        wrong = lines(live.process("audit", "--json", "--limit", "1").out)[0]["pass"]
        assert lines(live.process("undo", wrong, "--json").out)[-1]["summary"]["done"] is False
        assert live.process("undo", wrong, "--yes").code == 0
        assert live.mirror(row).values["summary"] == "The printer is broken"


class TestMapping:
    def test_a_new_line_in_a_map_is_no_nuisance(self, site: Site) -> None:
        row, ticket = site.paired()
        site.world.servicenow.add_choice("category", "cloud")
        site.world.jira.add_option("customfield_10051", "Cloud")
        site.desk(row, category="cloud")
        assert site.sync().code == 3, "held"
        site.rewrite(
            '{ servicenow = "software", jira = "Software" },',
            '{ servicenow = "software", jira = "Software" },\n  { servicenow = "cloud", jira = "Cloud" },',
        )
        site.settle()
        assert site.ticket(ticket).values["customfield_10051"] == "Cloud"

    def test_another_partner_is_shown_and_wants_accept(self, site: Site) -> None:
        row, ticket = site.paired()
        site.rewrite(
            '{ servicenow = "hardware", jira = "Hardware" }', '{ servicenow = "hardware", jira = "Software" }'
        )
        site.rewrite(
            '{ servicenow = "software", jira = "Software" }', '{ servicenow = "software", jira = "Hardware" }'
        )
        before = site.writes
        said = site.sync()
        assert said.code == 2
        assert "category" in said.err
        assert "tieline plan --all" in said.err
        assert "tieline sync --accept" in said.err
        shown = site.run("plan", "--all")
        assert row["number"] in shown.out
        assert site.writes == before
        assert site.sync("--accept").code in (0, 3)
        assert site.sync().code in (0, 3), "asked once"
        assert site.ticket(ticket)

    def test_who_wins_is_no_mapping(self, site: Site) -> None:
        site.paired()
        site.rewrite('clash = "newest"', 'clash = "jira"')
        assert site.sync().code == 0

    def test_by_the_real_program(self, live: Site) -> None:
        live.incident()
        live.run("sync", "--initial")
        live.rewrite('kind = "text"', 'kind = "line"')
        said = live.process("sync")
        assert said.code == 2
        assert "--accept" in said.err
        assert live.process("sync", "--accept").code == 0

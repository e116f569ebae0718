"""The commands at work: what each says and leaves alone, for people and for machines."""

from __future__ import annotations

import json

from .site import Site, clash


class TestPlan:
    def test_writes_nothing(self, site: Site) -> None:
        """Not on either side, and not a byte of the state."""
        row, ticket = site.paired()
        site.desk(row, short_description="Edited at the desk")
        site.engineer(ticket, priority="Highest")
        site.issue(summary="A new one")
        state, sides, writes = site.state.read_bytes(), site.sides(), site.writes
        for options in ((), ("--check",), ("--json",), ("--only", row["number"]), ("--initial",)):
            site.run("plan", *options)
            assert (site.state.read_bytes(), site.sides(), site.writes) == (state, sides, writes)
        files = sorted(path.name for path in site.folder.iterdir() if path.suffix != ".lock")
        assert files == ["config.toml", "tieline.db"]

    def test_tells_what_and_why(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Edited at the desk")
        said = site.run("plan")
        assert said.code == 0
        assert said.out.splitlines() == [
            f"{row['number']} = {ticket.key}",
            "  jira summary: 'The printer is broken' -> 'Edited at the desk'",
            "      because summary: changed in servicenow",
            "1 incident to work on; nothing was written",
        ]

    def test_what_it_tells_is_done(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, short_description="Edited at the desk", category="software")
        steps = json.loads(site.run("plan", "--json").out)["steps"]
        assert site.sync().code == 0
        wanted = {name: value for step in steps for name, value in step["values"].items()}
        assert wanted == {"summary": "Edited at the desk", "customfield_10051": "Software"}
        now = site.ticket(ticket).values
        assert {name: now[name] for name in wanted} == wanted

    def test_check(self, site: Site) -> None:
        row, _ = site.paired()
        said = site.run("plan", "--check")
        assert (said.code, said.out) == (0, "In step: nothing to do\n")
        site.desk(row, short_description="Edited at the desk")
        assert site.run("plan", "--check").code == 3
        assert site.run("plan").code == 0

    def test_only(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, short_description="Edited at the desk")
        other = site.issue(summary="A new one")
        out = site.run("plan", "--only", other.key).out
        assert other.key in out
        assert row["number"] not in out

    def test_a_parked_incident_rests(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, state="3", hold_reason="1")
        assert site.sync().code == 3
        site.wait(60)
        said = site.run("plan", "--check")
        assert said.code == 0
        assert "1 incident that a pass leaves alone for now (tieline parked list)" in said.out
        assert site.run("parked", "retry", row["number"]).code == 0
        assert site.run("plan", "--check").code == 3


class TestSync:
    def test_the_first_mirroring_is_asked_for(self, site: Site) -> None:
        site.incident()
        said = site.run("sync")
        assert said.code == 1
        assert "tieline plan --initial" in said.err
        assert site.writes == 0
        assert site.run("sync", "--initial").code == 0
        assert site.run("sync").code == 0

    def test_one_line_for_logs(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, short_description="Edited at the desk")
        said = site.sync()
        assert said.out.count("\n") == 1
        assert said.out.startswith("pass ")
        assert "1 looked at, 1 change in " in said.out
        assert said.out.endswith(" requests\n")

    def test_a_pair_counts_once(self, site: Site) -> None:
        for number in range(3):
            site.incident(short_description=f"Incident {number}")
        out = site.sync("--initial").out
        assert "3 looked at, 3 mirrored" in out

    def test_only(self, site: Site) -> None:
        row, ticket = site.paired()
        other = site.incident(short_description="Left out")
        site.desk(row, short_description="Edited at the desk")
        assert site.sync("--only", row["number"]).code == 0
        assert site.ticket(ticket).values["summary"] == "Edited at the desk"
        assert site.mirrors(other) == []
        assert site.sync().code == 0
        assert len(site.mirrors(other)) == 1

    def test_only_what_nobody_knows(self, site: Site) -> None:
        site.paired()
        before = site.writes
        said = site.sync("--only", "INC9999999")
        assert said.code == 2
        assert "'INC9999999'" in said.err
        assert site.writes == before

    def test_max_changes(self, site: Site) -> None:
        """The rest waits, and nothing of it is lost."""
        rows = [site.incident(short_description=f"Incident {number}") for number in range(7)]
        made = []
        for _ in range(4):
            before = len(site.world.jira.issues())
            assert site.sync("--initial", "--max-changes", "3").code == 0
            made.append(len(site.world.jira.issues()) - before)
        assert made[0] == 3
        assert max(made) <= 3
        site.settle()
        assert [len(site.mirrors(row)) for row in rows] == [1] * 7

    def test_too_much_at_once_is_asked_about(self, site: Site) -> None:
        site.paired()
        site.rewrite("max_records = 5000", "max_records = 3")
        for number in range(5):
            site.incident(short_description=f"Incident {number}")
        before = site.writes
        said = site.sync()
        assert said.code == 1
        assert "limits.max_records is 3" in said.err
        assert "nothing was written" in said.err
        assert site.writes == before
        assert site.sync("--max-changes", "100").code == 0
        site.settle()
        assert site.report().pairs == 6

    def test_json(self, site: Site) -> None:
        site.incident()
        said = site.run("sync", "--initial", "--json").json
        assert set(said) == {
            "id", "started", "ended", "error", "counts", "conflicts_open", "parked_now", "requests",
        }  # fmt: skip
        assert said["counts"]["created"] == 1
        assert said["requests"]["jira"] > 0


class TestConflicts:
    def test_from_the_list_to_the_end(self, site: Site) -> None:
        row, ticket = clash(site)
        assert site.ticket(ticket).values["description"] == "Carried over all the same"
        listed = site.run("conflicts", "list").out
        assert listed.split() == ["1", row["number"], "=", ticket.key, "summary", "clash,", "open"]
        shown = site.run("conflicts", "show", "1").out
        for word in ("'The desk's words'", "'The engineer's words'", "both sides", "conflicts resolve 1"):
            assert word in shown
        assert site.sync().code == 3
        said = site.run("conflicts", "resolve", "1", "--take", "jira")
        assert (said.code, "tieline sync" in said.out) == (0, True)
        assert "jira chosen" in site.run("conflicts", "list").out
        site.settle()
        assert site.row(row)["short_description"] == "The engineer's words"
        assert site.run("conflicts", "list").out == "No open conflicts\n"
        (decided,) = site.run("conflicts", "list", "--all", "--json").json
        assert (decided["open"], decided["winner"]) == (False, "jira")
        assert decided["servicenow"] == {"short_description": "The desk's words"}, "the loser is kept"
        again = site.run("conflicts", "resolve", "1", "--take", "servicenow")
        assert again.code == 2
        assert "no open conflict 1" in again.err

    def test_people_may_settle_it_themselves(self, site: Site) -> None:
        row, _ = clash(site)
        site.desk(row, short_description="The engineer's words")
        site.settle()
        assert site.run("conflicts", "list").out == "No open conflicts\n"

    def test_one_that_there_is_not(self, site: Site) -> None:
        site.paired()
        for command in (("show", "7"), ("resolve", "7", "--take", "jira")):
            said = site.run("conflicts", *command)
            assert said.code == 2
            assert "7" in said.err
            assert "conflicts list" in said.err


class TestParked:
    def test_from_the_list_to_the_end(self, site: Site) -> None:
        row, ticket = site.paired()
        site.world.jira.hide(ticket.id)
        site.desk(row, short_description="Edited at the desk")
        assert "1 parked incident (tieline parked list)" in site.sync().err
        (park,) = site.run("parked", "list", "--json").json
        assert (park["reason"], park["incident"]) == ("gone", f"{row['number']} = {ticket.key}")
        site.world.jira.unhide(ticket.id)
        said = site.run("parked", "retry", ticket.key)
        assert said.out == "1 incident will be tried by the next pass: tieline sync\n"
        site.settle()
        assert site.run("parked", "list").out == "Nothing is parked\n"
        assert site.ticket(ticket).values["summary"] == "Edited at the desk"

    def test_one_that_is_not_parked(self, site: Site) -> None:
        row, _ = site.paired()
        said = site.run("parked", "retry", row["number"])
        assert said.code == 2
        assert "not parked" in said.err

    def test_nothing_named(self, site: Site) -> None:
        site.paired()
        said = site.run("parked", "retry")
        assert said.code == 2
        assert "--all" in said.err


class TestShow:
    def test_both_records_and_why(self, site: Site) -> None:
        row, ticket = site.paired()
        site.desk(row, category="software")
        site.sync()
        for name in (row["number"], ticket.key, row["number"].lower()):
            out = site.run("show", name).out
            assert out.startswith(f"{row['number']} = {ticket.key}, raised in servicenow")
            assert "category: changed in servicenow (" in out
            assert "  summary, description, subcategory, assignee, group, status, priority: as when" in out
            assert "not in step" not in out
        said = site.run("show", ticket.key, "--json").json
        category = next(field for field in said["fields"] if field["field"] == "category")
        assert category["servicenow"] == {"category": "software"}
        assert category["jira"] == {"customfield_10051": "Software"}
        assert category["jira_base"] == {"customfield_10051": "Software"}

    def test_what_is_not_in_step_is_pointed_out(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, category="software")
        out = site.run("show", row["number"]).out
        assert f"not in step: `tieline plan --only {row['number']}`" in out

    def test_an_open_conflict_names_the_command(self, site: Site) -> None:
        row, _ = clash(site)
        assert "tieline conflicts resolve 1 --take" in site.run("show", row["number"]).out

    def test_one_without_a_pair(self, site: Site) -> None:
        site.paired()
        new = site.incident()
        said = site.run("show", new["number"])
        assert said.code == 0
        assert f"{new['number']} has no pair" in said.out
        assert f"tieline plan --only {new['number']}" in said.out
        assert site.run("show", new["number"], "--json").json["pair"] is None

    def test_one_that_nobody_knows(self, site: Site) -> None:
        site.paired()
        said = site.run("show", "OPS-999")
        assert said.code == 2
        assert "'OPS-999'" in said.err


class TestStatus:
    def test_asks_neither_side(self, site: Site) -> None:
        site.paired()
        before = site.world.requests.total
        said = site.run("status")
        assert said.code == 0
        assert "pairs           1\n" in said.out
        assert site.world.requests.total == before

    def test_needs_a_person(self, site: Site) -> None:
        clash(site)
        said = site.run("status")
        assert said.code == 3
        assert "open conflicts  1   (tieline conflicts list)" in said.out
        assert site.run("status", "--json").json["conflicts_open"] == 1

"""`status`, `verify` and `audit`: how the mirror is doing, whether it is right, and what it did."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from .site import Site


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def summary(site: Site) -> Any:
    return lines(site.run("verify", "--json").out)[-1]["summary"]


class TestStatus:
    def test_at_a_glance(self, site: Site) -> None:
        site.paired()
        said = site.run("status")
        assert said.code == 0
        assert ": in step" in said.out.splitlines()[0]
        assert "behind          servicenow 4 min, jira 4 min" in said.out or "behind" in said.out
        found = site.run("status", "--json").json
        assert found["health"] == "ok"
        assert 0 <= found["lag_seconds"]["jira"] <= 300

    def test_a_mirror_that_stands_still_is_stale(self, site: Site) -> None:
        site.paired()
        assert site.run("status", "--max-age", "15m").code == 0
        site.wait(3600)
        said = site.run("status", "--max-age", "15m")
        assert said.code == 1
        assert "no pass has finished for too long" in said.out
        assert site.run("status", "--json").json["lag_seconds"]["servicenow"] >= 3600
        assert site.run("status").code == 0, "without --max-age nobody asked"

    def test_what_is_held_is_named_by_field(self, site: Site) -> None:
        row, ticket = site.paired()
        site.rewrite('tie = "servicenow"\nfirst = "hold"', 'tie = "hold"\nfirst = "hold"')
        site.desk(row, short_description="One")
        site.engineer(ticket, summary="Two")
        assert site.sync().code == 3
        said = site.run("status")
        assert said.code == 3
        assert site.run("status", "--json").json["held"] == {"clash": {"summary": 1}}
        assert "clash         summary 1" in said.out

    def test_by_the_real_program(self, live: Site) -> None:
        live.incident()
        assert live.run("sync", "--initial").code == 0
        said = live.process("status", "--max-age", "1h", "--json")
        assert (said.code, said.json["pairs"], said.json["health"]) == (0, 1, "ok")


class TestVerify:
    def test_all_in_step(self, site: Site) -> None:
        site.paired()
        said = site.run("verify")
        assert said.code == 0
        assert "1 pairs compared: all in step" in said.out

    def test_what_changed_since_the_last_pass_needs_nobody(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, short_description="Edited")
        said = site.run("verify")
        assert said.code == 0
        assert "summary: recent" in said.out
        assert "'Edited'" in said.out

    def test_what_waits_in_the_inbox(self, site: Site) -> None:
        row, ticket = site.paired()
        site.incident(short_description="Another")
        site.sync()
        site.desk(row, short_description="Edited")
        assert site.sync("--max-changes", "1").code == 0
        site.wait(7200)
        site.desk(row, short_description="Edited again")
        site.engineer(ticket, description="Edited too")
        site.sync("--max-changes", "1")
        assert set(summary(site)["differences"]) <= {"waiting", "recent"}
        assert site.run("verify").code == 0

    def test_an_open_conflict_waits_for_a_person(self, site: Site) -> None:
        row, ticket = site.paired()
        site.rewrite('tie = "servicenow"\nfirst = "hold"', 'tie = "hold"\nfirst = "hold"')
        site.desk(row, short_description="One")
        site.engineer(ticket, summary="Two")
        site.sync()
        said = site.run("verify")
        assert said.code == 3
        assert "summary: conflict" in said.out
        assert "conflict 1:" in said.out

    def test_a_value_without_partner_is_held(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, category="dns")
        site.settle()
        site.rewrite('servicenow = ["network", "dns"]', 'servicenow = ["network"]')
        site.sync("--accept")
        site.desk(row, category="dns", short_description="Again")
        assert site.sync().code in (0, 3)
        site.desk(row, category="hardware")
        site.sync()
        site.desk(row, category="dns")
        assert site.sync().code == 3
        assert summary(site)["differences"] == {"held": 1}

    def test_a_lost_half_is_parked(self, site: Site) -> None:
        _, ticket = site.paired()
        site.world.jira.site.store.issues.pop(int(ticket.id), None)
        site.wait(13 * 3600)
        site.sync()
        said = site.run("verify")
        assert said.code == 3
        assert "the pair: parked" in said.out

    def test_what_nothing_explains_is_a_failure(self, site: Site) -> None:
        """A change that leaves no trace in any feed, until the sweep comes by."""
        _, ticket = site.paired()
        site.sync()
        issue = site.world.jira.site.store.issues[int(ticket.id)]
        issue.state = replace(issue.state, values={**issue.state.values, "summary": "In silence"})
        said = site.run("verify")
        assert said.code == 1
        assert "summary: unexplained" in said.out
        assert "tieline show" in said.out
        site.wait(13 * 3600)
        site.settle()
        assert site.run("verify").code == 0

    def test_nothing_is_written(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, short_description="Edited")
        before, state = site.sides(), site.state.read_bytes()
        site.run("verify")
        assert site.sides() == before
        assert site.state.read_bytes() == state

    def test_many_pairs_in_few_requests(self, site: Site) -> None:
        for number in range(120):
            site.incident(short_description=f"Number {number}")
        site.sync("--initial")
        site.settle()
        found = summary(site)
        assert found["compared"] == 120
        assert sum(found["requests"].values()) <= 10

    def test_by_the_real_program(self, live: Site) -> None:
        live.incident()
        live.run("sync", "--initial")
        said = live.process("verify", "--json")
        assert said.code == 0
        assert lines(said.out)[-1]["summary"]["compared"] == 1


class TestAudit:
    def test_newest_first_with_old_and_new(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, short_description="Edited")
        site.sync()
        said = site.run("audit", row["number"])
        assert said.code == 0
        assert "summary: 'The printer is broken' -> 'Edited'" in said.out
        assert said.out.index("'Edited'") < said.out.index("Create")

    def test_of_one_incident_by_either_name(self, site: Site) -> None:
        row, ticket = site.paired()
        site.incident(short_description="Another")
        site.sync()
        by_number = lines(site.run("audit", row["number"], "--json").out)
        assert by_number == lines(site.run("audit", ticket.key, "--json").out)
        assert {"Create"} <= {entry["action"] for entry in by_number}
        assert len(lines(site.run("audit", "--json").out)) > len(by_number)

    def test_of_one_pass_and_since(self, site: Site) -> None:
        row, _ = site.paired()
        site.wait(7200)
        site.desk(row, short_description="Edited")
        site.sync()
        newest = lines(site.run("audit", "--json", "--limit", "1").out)[0]
        of_pass = lines(site.run("audit", "--json", "--pass", newest["pass"]).out)
        assert {entry["pass"] for entry in of_pass} == {newest["pass"]}
        assert lines(site.run("audit", "--json", "--since", "1h").out) == of_pass
        assert site.run("audit", "--since", "2030-01-01").out == "Nothing was written here\n"
        wrong = site.run("audit", "--since", "yesterday")
        assert wrong.code == 2
        assert "2h, 7d or 2026" in wrong.err

    def test_a_status_is_told(self, site: Site) -> None:
        row, _ = site.paired()
        site.desk(row, state="2")
        site.sync()
        entries = lines(site.run("audit", row["number"], "--json").out)
        assert any(
            e["old"].get("status") == "Open" and e["new"].get("status") == "In Progress" for e in entries
        )

    def test_an_unknown_incident(self, site: Site) -> None:
        site.paired()
        said = site.run("audit", "INC9999999")
        assert said.code == 2
        assert "tieline show INC9999999" in said.err

    def test_export(self, live: Site, tmp_path: Path) -> None:
        live.incident(short_description="=1+1")
        live.run("sync", "--initial")
        table, listed = tmp_path / "audit.csv", tmp_path / "audit.jsonl"
        assert live.process("audit", "--export", str(table)).code == 0
        assert live.process("audit", "--export", str(listed)).code == 0
        for file in (table, listed):
            assert file.stat().st_mode & 0o777 == 0o600
        with table.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
        assert any(row["field"] == "summary" and row["new"] == "'=1+1" for row in rows), "no formula"
        found = lines(listed.read_text())
        assert {row["pass"] for row in rows} == {entry["pass"] for entry in found}
        assert [e["id"] for e in found] == sorted((e["id"] for e in found), reverse=True)

"""`state` and `rebuild`: backups that are whole, restores without duplicates, and a state that was lost."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from .site import Site, opened


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


class TestState:
    def test_a_backup_is_whole_private_and_not_overwritten(self, live: Site, tmp_path: Path) -> None:
        live.incident()
        live.run("sync", "--initial")
        file = tmp_path / "backup.db"
        said = live.process("state", "backup", str(file), "--json")
        assert (said.code, said.json["pairs"], said.json["installation"]) == (0, 1, "example")
        assert file.stat().st_mode & 0o777 == 0o600
        again = live.process("state", "backup", str(file))
        assert again.code == 2
        assert "--force" in again.err
        assert live.process("state", "backup", str(file), "--force").code == 0
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("backup")] == ["backup.db"]

    def test_an_older_backup_makes_no_duplicates(self, site: Site, tmp_path: Path) -> None:
        """What was mirrored after the backup, both ways, is found again by its markers."""
        row, ticket = site.paired()
        file = tmp_path / "old.db"
        assert site.run("state", "backup", str(file)).code == 0
        rows = [site.incident(short_description=f"Desk {n}") for n in range(3)]
        tickets = [site.issue(summary=f"Jira {n}") for n in range(3)]
        site.desk(row, short_description="Edited after the backup")
        site.settle()
        said = site.run("state", "restore", str(file))
        assert said.code == 0, said.all
        assert "tieline plan" in said.out
        (kept,) = site.folder.glob("tieline.db.2*")
        assert kept.stat().st_mode & 0o777 == 0o600
        assert site.run("status", "--json").json["pairs"] == 1
        site.wait(600)
        site.settle()
        for each in rows:
            site.mirror(each)
        for raised in tickets:
            site.incident_of(raised)
        assert len(site.world.jira.issues()) == len(site.world.servicenow.rows()) == 7
        assert site.report().ok
        assert site.ticket(ticket).values["summary"] == "Edited after the backup"
        assert site.run("state", "check").code == 0

    def test_a_mirror_that_the_index_does_not_show_yet_is_waited_for(
        self, tmp_path: Path, template: str
    ) -> None:
        lag = timedelta(minutes=2)
        site = opened(tmp_path, template, lag=(lag, lag))
        try:
            site.sync("--initial")
            file = tmp_path / "old.db"
            site.run("state", "backup", str(file))
            row = site.incident()
            site.sync(after=1)
            site.mirror(row)
            assert site.run("state", "restore", str(file)).code == 0
            site.sync(after=1)
            site.mirror(row)
            for _ in range(8):
                site.sync(after=60)
                site.mirror(row)
            assert site.run("status", "--json").json["pairs"] == 1
            assert site.report().ok
        finally:
            site.world.stop()

    def test_onto_a_machine_that_has_no_state(self, live: Site, tmp_path: Path) -> None:
        row = live.incident()
        live.run("sync", "--initial")
        file = tmp_path / "backup.db"
        live.process("state", "backup", str(file))
        live.state.unlink()
        assert live.process("state", "restore", str(file)).code == 0
        assert live.process("sync").code == 0
        live.mirror(row)
        assert live.process("status", "--json").json["pairs"] == 1

    def test_a_foreign_backup_is_refused(self, site: Site, tmp_path: Path) -> None:
        site.paired()
        file = tmp_path / "b.db"
        site.run("state", "backup", str(file))
        with sqlite3.connect(file) as copy:
            copy.execute("UPDATE notes SET value = 'another' WHERE key = 'installation'")
        copy.close()
        said = site.run("state", "restore", str(file))
        assert said.code == 2
        assert "'another'" in said.err
        assert site.run("status", "--json").json["pairs"] == 1

    def test_a_newer_backup_is_refused(self, site: Site, tmp_path: Path) -> None:
        site.paired()
        file = tmp_path / "b.db"
        site.run("state", "backup", str(file))
        with sqlite3.connect(file) as copy:
            copy.execute("UPDATE tieline_version SET version_num = '9999'")
        copy.close()
        said = site.run("state", "restore", str(file))
        assert said.code == 2
        assert "newer Tieline" in said.err

    @pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 5000])
    def test_what_is_no_backup_is_refused(self, site: Site, tmp_path: Path, content: bytes) -> None:
        site.paired()
        file = tmp_path / "b.db"
        file.write_bytes(content)
        said = site.run("state", "restore", str(file))
        assert said.code == 2
        assert site.run("status", "--json").json["pairs"] == 1

    def test_check_finds_what_is_wrong(self, site: Site) -> None:
        site.paired()
        assert site.run("state", "check").code == 0
        with sqlite3.connect(site.state) as state:
            state.execute("UPDATE pairs SET base = X'00'")
            state.execute("UPDATE tallies SET value = 7 WHERE name = 'pairs:active'")
        state.close()
        site.state.chmod(0o600)
        said = site.run("state", "check")
        assert said.code == 1
        assert "pairs 1 cannot be read" in said.out
        assert "pairs:active is 7, there are 1" in said.out
        assert "tieline state restore" in said.err

    def test_vacuum_drops_what_is_old(self, site: Site) -> None:
        site.paired()
        assert lines(site.run("audit", "--json").out)
        site.wait(366 * 86400)
        said = site.run("state", "vacuum", "--json")
        assert said.code == 0
        assert said.json["dropped"]["audit"] > 0
        assert site.run("audit").out == "Nothing was written\n"

    def test_export_has_every_table(self, live: Site, tmp_path: Path) -> None:
        live.incident()
        live.run("sync", "--initial")
        file = tmp_path / "state.jsonl"
        assert live.process("state", "export", str(file)).code == 0
        assert file.stat().st_mode & 0o777 == 0o600
        rows = lines(file.read_text())
        assert {"pairs", "audit", "notes", "passes", "cursors"} <= {row["table"] for row in rows}
        (pair,) = (row for row in rows if row["table"] == "pairs")
        assert pair["base"]["units"]["summary"]["jira"]["values"] == {"summary": "The printer is broken"}
        assert lines(live.process("state", "export", "-").out) == rows

    def test_check_and_vacuum_by_the_real_program(self, live: Site) -> None:
        live.run("sync", "--initial")
        assert live.process("state", "check", "--json").json["fine"] is True
        assert live.process("state", "vacuum").code == 0


class TestRebuild:
    @pytest.fixture
    def lost(self, site: Site) -> list[Any]:
        """Three pairs each way, in step; then the state is gone."""
        made: list[Any] = [site.incident(short_description=f"Desk {n}", state="2") for n in range(3)]
        made += [site.issue(summary=f"Jira {n}") for n in range(3)]
        site.sync("--initial")
        site.settle()
        for file in site.folder.glob("tieline.db*"):
            file.unlink()
        return made

    def test_the_next_pass_goes_on_without_duplicates(self, site: Site, lost: list[Any]) -> None:
        said = site.run("rebuild")
        assert said.code == 0, said.all
        assert "6 paired" in said.out
        site.wait(600)
        before = site.writes
        assert site.sync("--initial").code == 0
        assert site.writes == before, "both sides agree: nothing to write, and no note again"
        assert len(site.world.jira.issues()) == len(site.world.servicenow.rows()) == 6
        site.desk(lost[0], short_description="Goes on")
        site.settle()
        assert site.mirror(lost[0]).values["summary"] == "Goes on"
        assert site.report().ok
        assert site.run("verify").code == 0

    def test_what_is_new_gets_its_mirror(self, site: Site, lost: list[Any]) -> None:
        row = site.incident(short_description="New since")
        site.run("rebuild")
        site.wait(600)
        site.sync("--initial")
        site.settle()
        assert site.mirror(row).values["summary"] == "New since"
        assert len(site.world.jira.issues()) == 7

    def test_a_dry_run_keeps_nothing(self, site: Site, lost: list[Any]) -> None:
        said = site.run("rebuild", "--dry-run", "--json")
        assert (said.json["paired"], said.json["kept"]) == (6, False)
        assert site.run("status", "--json").json["pairs"] == 0

    def test_what_differs_is_decided_by_first(self, site: Site, lost: list[Any]) -> None:
        site.desk(lost[0], short_description="Changed while the state was lost")
        assert site.run("rebuild", "--json").json["fields that differ"] == 1
        site.wait(600)
        assert site.sync("--initial").code == 3
        (conflict,) = site.run("conflicts", "list", "--json").json
        assert (conflict["kind"], conflict["field"]) == ("first", "summary")

    def test_a_copy_is_reported(self, site: Site, lost: list[Any]) -> None:
        copy = site.world.jira.clone("beth.anglin", site.mirror(lost[0]).id)
        said = site.run("rebuild", "--json")
        assert said.code == 3
        assert said.json["copies"] == [copy.key]

    def test_twice_is_as_once(self, site: Site, lost: list[Any]) -> None:
        site.run("rebuild")
        assert site.run("rebuild", "--json").json["known"] == 6
        assert site.run("status", "--json").json["pairs"] == 6

    def test_by_the_real_program(self, live: Site) -> None:
        live.incident()
        live.run("sync", "--initial")
        live.state.unlink()
        said = live.process("rebuild", "--json")
        assert (said.code, said.json["paired"]) == (0, 1)

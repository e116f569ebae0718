"""A state that cannot be used, is held by another, or cannot grow: said, and nothing lost or doubled."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import DROPPED, Fault, Request, Response
from tieline.sync.commands.session import utc_now
from tieline.sync.lock import Holder, one_pass
from tieline.sync.store import open_store

from .site import Site, opened, writes_of

SYNC, STATUS, PLAN = ("sync", "--initial"), ("status",), ("plan",)
NOBODY = 65534


def refused(site: Site, *named: str, commands: tuple[tuple[str, ...], ...] = (SYNC, STATUS, PLAN)) -> None:
    """Each command says the same, with exit code 2, and neither side is written to."""
    before = site.writes
    for command in commands:
        said = site.run(*command)
        assert said.code == 2, said.all
        assert str(site.state) in said.err
        for name in named:
            assert name in said.err
    assert site.writes == before


def test_no_state_yet(site: Site) -> None:
    """Nothing makes one but a pass; a plan needs none."""
    site.incident()
    for command in (STATUS, ("parked", "list"), ("conflicts", "list"), ("parked", "retry", "--all")):
        said = site.run(*command)
        assert said.code == 2
        assert "There is no state" in said.err
        assert "tieline sync --initial" in said.err
    said = site.run("plan")
    assert said.code == 0
    assert "1 incident to work on" in said.out
    assert not site.state.exists()
    assert sorted(path.name for path in site.folder.iterdir()) == ["config.toml"]


def test_a_state_of_a_newer_version(site: Site) -> None:
    site.paired()
    with sqlite3.connect(site.state) as connection:
        connection.execute("UPDATE tieline_version SET version_num = '9000'")
    connection.close()
    before = site.state.read_bytes()
    refused(site, "newer Tieline", "upgrade")
    assert site.state.read_bytes() == before


def test_a_damaged_state(site: Site) -> None:
    site.paired()
    raw = site.state.read_bytes()
    site.state.write_bytes(raw[:4096] + b"\xff" * (len(raw) - 4096))
    refused(site, "damaged", "backup")


def test_something_else_in_its_place(site: Site) -> None:
    site.state.write_text("installation = 'example'\n" * 100)
    refused(site, "no Tieline state")


def test_a_state_that_another_program_holds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    row, ticket = site.paired()
    site.desk(row, short_description="Edited meanwhile")
    assert open_store.__kwdefaults__ is not None
    monkeypatch.setitem(open_store.__kwdefaults__, "lock_seconds", 0.1)
    other = sqlite3.connect(site.state, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused(site, "locked by another process", commands=(("sync",),))
    other.execute("ROLLBACK")
    other.close()
    site.settle()
    assert site.ticket(ticket).values["summary"] == "Edited meanwhile"


@pytest.fixture
def ordinary(site: Site, template: str) -> Iterator[Site]:
    """A site of an ordinary user, who is who we are for the while: to root nothing is read-only."""
    site.paired()  # so that all modules are loaded: an ordinary user may not read root's
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = opened(Path(folder), template)
            yield made
            made.world.stop()
    finally:
        os.seteuid(before)


def test_a_read_only_state(ordinary: Site) -> None:
    row, ticket = ordinary.paired()
    ordinary.desk(row, short_description="Edited meanwhile")
    ordinary.state.chmod(0o400)
    refused(ordinary, "writable", commands=(("sync",),))
    ordinary.state.chmod(0o600)
    ordinary.settle()
    assert ordinary.ticket(ticket).values["summary"] == "Edited meanwhile"


def test_only_its_owner_reads_the_state(site: Site) -> None:
    site.paired()
    assert stat.S_IMODE(site.state.stat().st_mode) == 0o600
    site.state.chmod(0o644)
    site.sync()
    assert stat.S_IMODE(site.state.stat().st_mode) == 0o600


def test_the_second_of_two_passes_leaves(site: Site) -> None:
    """Usage error (2): somebody else is at work; it names who, and asks neither side anything."""
    row, ticket = site.paired()
    site.desk(row, short_description="Edited meanwhile")
    before = site.world.requests.total
    with one_pass(f"sqlite:///{site.state}", Holder.here(utc_now())):
        said = site.sync()
        assert said.code == 2
        assert "Another pass is running" in said.err
        assert f"process {os.getpid()}" in said.err
        assert site.world.requests.total == before
        assert site.run("status").code == 0, "looking is allowed"
        assert site.run("plan").code == 0
    site.settle()
    assert site.ticket(ticket).values["summary"] == "Edited meanwhile"


def test_two_real_passes_at_once(live: Site) -> None:
    live.rewrite('unknown_quiet = "120s"', 'unknown_quiet = "1s"')
    for number in range(30):
        live.incident(short_description=f"Incident {number}")
    running = [live.start("sync", "--initial") for _ in range(3)]
    ends = [(process, *process.communicate(timeout=300)) for process in running]
    codes = sorted(process.returncode for process, _, _ in ends)
    assert codes.count(0) >= 1
    assert set(codes) <= {0, 2}
    for process, _, err in ends:
        assert "Traceback" not in err
        assert process.returncode == 0 or "Another pass is running" in err
    assert live.process("sync").code == 0
    report = live.report()
    assert report.ok
    assert report.pairs == 30


@pytest.mark.parametrize("pages", [1, 12, 30])
def test_a_disk_that_is_full(live: Site, pages: int) -> None:
    """The state cannot grow at some point of the pass: said, and afterwards all is made, once."""
    live.rewrite('unknown_quiet = "120s"', 'unknown_quiet = "1s"')
    live.incident(short_description="The first")
    assert live.run("sync", "--initial").code == 0
    room = live.state.stat().st_size + pages * 4096
    for number in range(30):
        live.incident(short_description=f"Incident {number}", description="words " * 500)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    said = live.process("sync", preexec_fn=limit)
    assert said.code == 2, said.all
    assert str(live.state) in said.err
    assert "space" in said.err
    assert "Traceback" not in said.err
    time.sleep(1.1)
    for _ in range(2):
        assert live.process("sync").code == 0
        time.sleep(1.1)
    report = live.report()
    assert report.ok
    assert report.pairs == 31


@pytest.mark.parametrize("moment", ["before a create", "after a create", "after an update"])
def test_ctrl_c_in_the_middle(live: Site, moment: str) -> None:
    """The real program, interrupted while a request is under way; a further pass brings all in step."""
    live.rewrite('unknown_quiet = "120s"', 'unknown_quiet = "1s"')
    rows = [live.incident(short_description=f"Incident {number}") for number in range(5)]
    if moment == "after an update":
        assert live.run("sync", "--initial").code == 0
        for row in rows:
            live.desk(row, short_description=f"Edited {row['number']}")
    process = live.start("sync", "--initial")

    once: list[str] = []

    def interrupt(request: Request) -> None:
        if writes_of(request) and "remotelink" not in request.path and not once:
            once.append(request.path)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)

    def before(request: Request) -> Response | None:
        interrupt(request)
        return None

    def after(request: Request, response: Response) -> Response:
        interrupt(request)
        return response if not writes_of(request) else DROPPED

    fault = Fault("Ctrl-C", before=before) if moment == "before a create" else Fault("Ctrl-C", after=after)
    live.world.jira.faults.append(fault)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, out + err
    assert "Interrupted" in err
    assert "Nothing is lost" in err
    assert "Traceback" not in err
    live.calm()
    assert live.run("status").code == 1
    for _ in range(3):
        time.sleep(1.1)
        assert live.run("sync", "--initial").code == 0
    report = live.report()
    assert report.ok
    assert report.pairs == 5
    for row in rows:
        assert len(live.mirrors(row)) == 1


def test_a_state_that_moved_to_another_folder(site: Site, tmp_path: Path) -> None:
    """The file is the whole state: carried elsewhere, nothing is made twice."""
    row, _ = site.paired()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(site.state, elsewhere / "tieline.db")
    site.rewrite("sqlite:///tieline.db", "sqlite:///elsewhere/tieline.db")
    assert site.sync().code == 0
    assert len(site.mirrors(row)) == 1

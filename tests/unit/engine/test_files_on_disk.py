"""What happens to a file on its way: the scan, a full disk, a process that died, and who may read it."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Attach

from .files import Files


def scanner(folder: Path, body: str) -> list[str]:
    script = folder / "scan.py"
    script.write_text(body)
    return [sys.executable, str(script)]


def test_the_scan_is_given_the_file_and_refuses_it(tmp_path: Path) -> None:
    command = scanner(
        tmp_path,
        "import sys, pathlib\n"
        "bad = b'EICAR' in pathlib.Path(sys.argv[1]).read_bytes()\n"
        "print(sys.argv[1] + ': Eicar FOUND' if bad else 'OK')\n"
        "sys.exit(1 if bad else 0)\n",
    )
    world = Files(tmp_path, scan=command)
    row, issue = world.paired()
    world.sn.put(row.id, "bad.txt", b"an EICAR file")
    world.sn.put(row.id, "good.txt", b"a good file")
    world.settle()
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    assert world.names(issue) == ["good.txt"]
    [note] = [note for note in row.notes if "bad.txt" in note]
    assert "the scan refused it (bad.txt: Eicar FOUND)" in note
    assert not list(world.spool.iterdir())


def test_a_scan_that_fails_or_hangs_lets_nothing_through(tmp_path: Path) -> None:
    for body in ("import sys; sys.exit(2)", "import time; time.sleep(30)"):
        world = Files(tmp_path, scan=scanner(tmp_path, body), scan_timeout="1s")
        row, issue = world.paired()
        world.sn.put(row.id, "a.txt", b"content")
        world.tick()
        world.run()
        assert not issue.files
        assert [known.tries for known in world.known()] == [1]
        assert not list(world.spool.iterdir())


def test_the_scan_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_SERVICENOW_PASSWORD", "hunter2")
    command = scanner(tmp_path, "import os, sys; sys.exit('hunter2' in str(os.environ))")
    world = Files(tmp_path, scan=command)
    row, issue = world.paired()
    world.sn.put(row.id, "a.txt", b"content")
    world.settle()
    assert world.names(issue) == ["a.txt"]


def test_a_file_that_finds_no_room_keeps_nobody_else(
    make: Callable[..., Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk stopped the pass, and with it everything that wants no room at all."""
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "big.bin", b"content")
    world.sn.edit(row.id, {"short_description": "More"})
    opened = Path.open

    def full(path: Path, mode: str = "r", **options: Any) -> Any:
        if path.parent == world.spool and "w" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        world.tick()
        world.run()
        assert issue.values["summary"] == "More"
        assert not issue.files
        assert "no room" in world.known()[0].detail
    world.settle(seconds=600)
    assert world.names(issue) == ["big.bin"]


def test_what_a_dead_process_left_is_removed(make: Callable[..., Files]) -> None:
    world = make()
    world.paired()
    world.spool.mkdir(exist_ok=True)
    (world.spool / "file-1-2").write_bytes(b"left by a process that was killed")
    world.tick()
    world.run()
    assert not list(world.spool.iterdir())


def test_the_spool_is_private(make: Callable[..., Files]) -> None:
    world = make()
    row, _ = world.paired()
    seen = []
    world.jira.before_write = lambda action: (
        seen.append(((world.spool.stat().st_mode & 0o777), (Path(action.path).stat().st_mode & 0o777)))
        if isinstance(action, Attach)
        else None
    )
    world.sn.put(row.id, "a.txt", b"content")
    world.settle()
    assert seen == [(0o700, 0o600)]

"""The real command, killed five times; `make kill-loop` does it two hundred times."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.kill_loop import Loop


def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    loop = Loop(tmp_path, seed=1, incidents=6)
    try:
        for _ in loop.run(5):
            pass
    finally:
        loop.world.stop()
    assert loop.tally.report is not None
    assert loop.tally.ok, loop.tally.report
    assert loop.tally.killed == 5
    assert loop.tally.last_writes == 0

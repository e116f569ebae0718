"""A process killed at any instant leaves the last committed state, whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tieline.sync.store import open_store

_WORKER = """
import sys
from datetime import UTC, datetime
from tieline.connectors.base import Ref
from tieline.sync.model import Arrival, Pair
from tieline.sync.store import open_store

now = datetime(2026, 3, 1, tzinfo=UTC)
with open_store(sys.argv[1]) as store:
    n = int(sys.argv[2])
    while True:
        n += 1
        with store.transaction() as tx:
            tx.set_cursor("jira", str(n))
            tx.add_pair(Pair(0, "r", Ref("servicenow", f"s{n}"), Ref("jira", f"j{n}"), "jira"))
            tx.arrive([Arrival(Ref("jira", f"j{n}"), "feed"), Arrival(Ref("jira", f"new{n}"), "feed")], now)
        print(n, flush=True)
"""


def _killed_after(url: str, first: int, seconds: float) -> int:
    """Run a worker, kill it a little after its first commit; the last commit that it reported."""
    command = [sys.executable, "-c", _WORKER, url, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        lines = [worker.stdout.readline()]
        time.sleep(seconds)
        worker.kill()
        lines += worker.stdout.readlines()
    return int([line for line in lines if line.endswith("\n")][-1])


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a matter of POSIX systems")
def test_kill_9_in_the_middle_of_writing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tieline.db'}"
    done = 0
    for seconds in (0.011, 0.034, 0.067):
        reported = _killed_after(url, done, seconds)
        with open_store(url, create=False) as store, store.read() as tx:
            done = int(tx.cursor("jira") or 0)
            assert done >= reported > 0
            assert tx.pair_count() == len(tx.walk_pairs(0, 100_000)) == done
            assert tx.inbox_count() == 2 * done

"""One pass at a time on every state that two processes can share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tieline.connectors.errors import StateError
from tieline.sync.lock import Busy, Holder, one_pass

ME = Holder(4711, "web1", datetime(2026, 3, 1, 12, 30, 5, 123, tzinfo=UTC))
OTHER = Holder(4712, "web2", datetime(2026, 3, 1, 12, 31, tzinfo=UTC))

_HOLD = """
import sys, time
from datetime import UTC, datetime
from tieline.sync.lock import Holder, one_pass
with one_pass(sys.argv[1], Holder(9, "db1", datetime(2026, 1, 1, tzinfo=UTC))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def shared_url(state_url: str) -> Iterator[str]:
    if state_url == "sqlite://":
        pytest.skip("a state in memory belongs to its process alone")
    yield state_url


def test_the_second_is_told_who_is_first(shared_url: str) -> None:
    with one_pass(shared_url, ME), pytest.raises(Busy) as caught, one_pass(shared_url, OTHER):
        pytest.fail("two passes at once")
    assert "by process 4711 on web1 since 2026-03-01 12:30:05 UTC" in str(caught.value)


def test_it_can_be_had_again_after_a_pass_however_that_ended(shared_url: str) -> None:
    with pytest.raises(ZeroDivisionError), one_pass(shared_url, ME):
        1 / 0  # noqa: B018
    for _ in range(2):
        with one_pass(shared_url, OTHER), pytest.raises(Busy, match="web2"), one_pass(shared_url, ME):
            pytest.fail("two passes at once")


def test_a_killed_process_holds_nothing(shared_url: str) -> None:
    command = [sys.executable, "-c", _HOLD, shared_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Busy, match="process 9 on db1"), one_pass(shared_url, ME):
            pytest.fail("two passes at once")
        process.kill()
        process.wait()
        _until_free(shared_url)
        with one_pass(shared_url, ME), pytest.raises(Busy, match="web1"), one_pass(shared_url, OTHER):
            pytest.fail("two passes at once")


def _until_free(url: str) -> None:
    """A server notices within moments that its client is gone; a file's lock is free at once."""
    for _ in range(200):
        try:
            with one_pass(url, ME):
                return
        except Busy:
            continue


def test_a_state_in_memory_needs_no_lock() -> None:
    with one_pass("sqlite://", ME), one_pass("sqlite://", OTHER):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(StateError, match="nowhere") as caught,
        one_pass("sqlite:///nowhere/tieline.db", ME, base_dir=tmp_path),
    ):
        pytest.fail("held")
    assert not isinstance(caught.value, Busy)

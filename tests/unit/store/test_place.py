"""Where a state may live, and that only its owner reads it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tieline.connectors.errors import StateError
from tieline.sync.lock import Holder, one_pass
from tieline.sync.store import open_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX systems")


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def others_may(folder: Path) -> dict[str, int]:
    """The files that group or others may do anything with."""
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    return {name: mode for name, mode in modes.items() if mode & 0o077}


def test_all_files_are_private_whatever_the_umask(tmp_path: Path, umask: None) -> None:
    url = f"sqlite:///{tmp_path / 'tieline.db'}"
    here = Holder.here(datetime(2026, 1, 1, tzinfo=UTC))
    with open_store(url) as store, one_pass(url, here), store.transaction() as tx:
        tx.set_note("a", "b")
        names = {each.name for each in tmp_path.iterdir()}
        assert {"tieline.db", "tieline.db-wal", "tieline.db-shm", "tieline.db.lock"} <= names
        assert others_may(tmp_path) == {}


def test_a_state_that_stood_open_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "tieline.db"
    url = f"sqlite:///{path}"
    with open_store(url) as first:
        with first.transaction() as tx:
            tx.set_note("a", "b")
        for each in tmp_path.iterdir():
            each.chmod(0o644)
        with open_store(url):
            assert others_may(tmp_path) == {}


def test_a_relative_path_is_taken_from_the_given_folder(tmp_path: Path) -> None:
    with open_store("sqlite:///state/../tieline.db", base_dir=tmp_path) as store:
        assert store.place.path == tmp_path.resolve() / "tieline.db"
        assert str(tmp_path.resolve() / "tieline.db") in repr(store)


def test_a_link_leads_to_the_state(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "data" / "real.db")
    with open_store(f"sqlite:///{tmp_path / 'link.db'}"):
        assert (tmp_path / "data" / "real.db").stat().st_size > 0
    assert others_may(tmp_path / "data") == {}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("tieline.db", "sqlite:///tieline.db"),
        ("", "sqlite:///tieline.db"),
        ("mysql://root:geheim@host/db", "mysql"),
        ("oracle+cx://u:geheim@host", "sqlite:///tieline.db"),
        ("sqlite:///x.db?password=geheim", "a path and nothing else"),
        ("sqlite://host/x.db", "a path and nothing else"),
        ("http://u:geheim@host:port/", "sqlite:///tieline.db"),
    ],
)
def test_a_url_that_is_none_says_what_one_looks_like(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(StateError) as caught:
        open_store(url, base_dir=tmp_path)
    assert says in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"directory of the state .*/nowhere/tieline\.db does not exist"):
        open_store("sqlite:///nowhere/tieline.db", base_dir=tmp_path)


@pytest.mark.parametrize("empty", [False, True])
def test_without_leave_to_create_nothing_is_created(tmp_path: Path, empty: bool) -> None:
    path = tmp_path / "tieline.db"
    if empty:
        path.touch(0o600)
    with pytest.raises(StateError, match="tieline sync --initial"):
        open_store(f"sqlite:///{path}", create=False)
    assert (path.stat().st_size == 0) if empty else (list(tmp_path.iterdir()) == [])

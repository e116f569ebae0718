"""A world for each test of the engine, and the end of every state that one opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tieline.sync.store import Store, open_store

from . import world as worlds
from .files import Files
from .world import World


@pytest.fixture(autouse=True)
def every_state_is_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who makes a world need not close its state. Python 3.13 warns of each that stays open."""
    with ExitStack() as opened:

        def opening(*args: Any, **options: Any) -> Store:
            return opened.enter_context(open_store(*args, **options))

        monkeypatch.setattr(worlds, "open_store", opening)
        yield


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Files]:
    """A world that carries files, as its configuration of attachments says."""
    return lambda **attachments: Files(tmp_path, **attachments)

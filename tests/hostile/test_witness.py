"""What a storm excuses of what people put back: only what no pass could see while it was away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tieline.connectors.sandbox.check import Difference
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.engineers import Step
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.stage import DeskEdit, Stage
from tieline.connectors.sandbox.theatre import MONDAY
from tieline.connectors.sandbox.world import GROUP_FIELD, World
from tieline.sync.vocabulary import vocabulary

from .storm import Storm, storm

FIRST = {"short_description": "It is slow", "assignment_group": "Network", "category": "network"}


@contextmanager
def put_back(
    root: Path, folder: Path, patch: pytest.MonkeyPatch, *, seen: bool
) -> Iterator[tuple[Storm, str]]:
    """The desk moves an incident away and back, an engineer moves its issue in between; no pass follows.

    `seen`: a pass carries it while it is away.
    """
    clock = VirtualClock(MONDAY)
    with World(clock, seed=1) as world:
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        ledger = Ledger(Maps.read(text))
        stage = Stage(world, clock, ledger)

        def desk(group: str, *, first: bool = False) -> None:
            clock.advance(timedelta(minutes=10))
            values = FIRST if first else {"assignment_group": group}
            stage.play([DeskEdit(clock.now(), "one", "beth.anglin", values, first=first)])

        with storm(world, clock, text, ledger, folder, patch) as found:
            desk("Network", first=True)
            found.bring_to_rest(8)
            stage.mirrored()
            desk("Database")
            if seen:
                found.bring_to_rest(8)
            clock.advance(timedelta(minutes=10))
            stage.play([Step(clock.now(), "one", "fred.luddy@example.com", {GROUP_FIELD: "Hardware"})])
            desk("Network")
            yield found, ledger.incidents["one"].label


def test_what_nobody_saw_away_and_people_put_back_looks_untouched(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with put_back(root, tmp_path, monkeypatch, seen=False) as (found, label):
        found.bring_to_rest(8)
        report = found.compare()
        assert {(e.field, e.found) for e in report.differences} == {
            ("assignment_group", "Hardware"),
            (GROUP_FIELD, "Hardware"),
        }
        assert found.told(open_only=False) == {}
        assert found.unexplained(report) == []
        assert not found.put_back(Difference(label, "people left", "category", "network", "hardware"))


def test_what_a_pass_carried_meanwhile_is_excused_by_a_conflict_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with put_back(root, tmp_path, monkeypatch, seen=True) as (found, label):
        entry = Difference(label, "people left", "assignment_group", "Network", "Hardware")
        assert not found.put_back(entry), "the pass in between carried it"
        with found.store.read() as tx:
            pair = tx.named(label)[-1]
        group = next(u for u in vocabulary(found.config, found.config.routes[0]).units if u.name == "group")
        assert found.witness.put_back(pair, group, ()), "nothing else is wrong with it"
        found.bring_to_rest(8)
        assert (label, "assignment_group") in found.told(open_only=False)
        assert not found.witness.put_back(pair, group, ()), "what the engineer left stands no more"

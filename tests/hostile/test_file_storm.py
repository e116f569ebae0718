"""Files on both sides while every fault strikes: each arrives once, and whole, whatever became of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.theatre import MONDAY
from tieline.connectors.sandbox.world import World

from .storm import QUIET_PASSES, Storm, every_fault, only_clocks, storm, told

RATE = 0.04
INCIDENTS = 6


def contents(found: Storm) -> list[tuple[str, Counter[str], Counter[str]]]:
    """By pair the digests of the files on either side."""
    with found.store.read() as tx:
        pairs = tx.walk_pairs(0, 1000)
    servicenow, jira = found.world.servicenow, found.world.jira
    return [
        (
            pair.number,
            Counter(hashlib.sha256(c).hexdigest() for _, c in servicenow.attached(pair.servicenow.id)),
            Counter(hashlib.sha256(f.content).hexdigest() for f in jira.attached(pair.jira.id)),
        )
        for pair in pairs
    ]


@pytest.mark.parametrize("seed", range(2))
def test_every_file_arrives_once(
    seed: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    rates = every_fault(RATE, ("servicenow", "jira"))
    with World(clock, seed=seed) as world:
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        for number in range(INCIDENTS):
            world.servicenow.create("joe.employee", {"short_description": f"Incident {number}"})
        with storm(world, clock, text, Ledger(Maps.read(text)), tmp_path, monkeypatch) as found:
            found.bring_to_rest(20)
            world.trouble(rates)
            with found.store.read() as tx:
                pairs = tx.walk_pairs(0, 1000)
            for turn in range(4):
                for number, pair in enumerate(pairs):
                    content = f"{turn} {number} ".encode() * (50 + 3000 * (number % 2))
                    world.servicenow.attach("beth.anglin", pair.servicenow.id, "log.txt", b"s" + content)
                    world.jira.attach("beth.anglin", pair.jira.id, "log.txt", b"j" + content)
                found.bring_to_rest(4)
            struck = world.requests.faults.total()
            world.trouble(only_clocks(rates))
            found.bring_to_rest(QUIET_PASSES)
            for label, ours, theirs in contents(found):
                assert ours == theirs, (label, told(found))
                assert set(ours.values()) == {1}, (label, told(found))
                assert len(ours) == 8
            assert not list(tmp_path.rglob("*.files/*"))
    assert struck > 10

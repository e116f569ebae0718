"""Each mutant is caught by the seed that is known to catch it, and the oracle sees what it is there for."""

from __future__ import annotations

import json

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.oracle import judge
from tests.simulation.scenario import generate
from tests.simulation.simulation import run
from tests.simulation.soak import CAUGHT

KNOWN = json.loads(CAUGHT.read_text(encoding="utf-8") if CAUGHT.exists() else "{}")


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_is_caught(name: str) -> None:
    with MUTANTS[name].applied():
        broken = judge(run(generate(KNOWN[name])))
    assert broken, f"{name} ({MUTANTS[name].what}) escapes seed {KNOWN[name]}: make soak --mutants --learn"


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 25
    assert set(KNOWN) == set(MUTANTS)

"""Short scenarios that go for one thing each: what people and faults of the long ones do together too rarely.

A drill is a scenario like any other, of one or two incidents, and follows from its number. `THEMES` says what
each is after; the mutant that goes with it is caught there and hardly anywhere else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.simulation.scenario import (
    UNITS,
    Accord,
    Ambush,
    Deed,
    DeedKind,
    Errand,
    FaultKind,
    Scenario,
    Traits,
)
from tests.simulation.settings import WORKFLOW
from tieline.connectors.base import SIDES, other

NUMBER: Final = "d"
"""What the number of a drill begins with, where seeds and drills stand side by side."""


def drill(number: int) -> Scenario:
    """The drill with this number; its theme is that of its place in `THEMES`."""
    chance = random.Random(f"drill {number}")
    theme = list(THEMES)[number % len(THEMES)]
    return THEMES[theme](number, chance)


def theme_of(number: int) -> str:
    """What the drill with this number is after."""
    return list(THEMES)[number % len(THEMES)]


def _accord(number: int, chance: random.Random) -> Scenario:
    """People on both sides say the same, and one of them takes it back when everybody has seen it."""
    side = chance.choice(SIDES)
    deeds = (Deed(0, "raise", 0, chance.choice(SIDES), "", 1),)
    accords = (Accord(chance.uniform(400, 500), 0, side, 11, back=chance.uniform(1100, 1300)),)
    traits = Traits(cloud=chance.random() < 0.5)
    return Scenario(number, traits, deeds, accords=accords, gaps=(120.0,) * 16)


def _doubt(number: int, chance: random.Random) -> Scenario:
    """A write that carries a conflict is made and its answer lost, and somebody covers what it wrote."""
    loser = chance.choice(SIDES)
    deeds = (
        Deed(0, "raise", 0, chance.choice(SIDES), "", 1),
        *(Deed(at, "both", 0, loser, chance.choice(UNITS[:2]), 10 + n) for n, at in enumerate((400, 1200))),
    )
    winner = "jira" if loser == "servicenow" or chance.random() < 0.7 else "servicenow"
    lost = _striking("lost_made", (write for write in range(2, 40) if chance.random() < 0.5))
    ambushes = tuple(Ambush(write, False, True, 50_000 + write) for write in range(1, 12))
    traits = Traits(clash=(winner,) * len(UNITS), cloud=chance.random() < 0.5)
    return Scenario(number, traits, deeds, ambushes, (), lost, gaps=(60.0,) * 24)


def _hops(number: int, chance: random.Random) -> Scenario:
    """A side is busy between two hops of a status, and a person takes the first hop back."""
    kinds: tuple[DeedKind, ...] = ("resolve", "close", "hold")
    deeds = [Deed(0, "raise", which, "servicenow", "", 1 + 2 * which) for which in range(4)]
    for which in range(4):
        at = 300.0 + 200 * which
        deeds.append(Deed(at, chance.choice(kinds), which, "servicenow", "status", 11 + which))
        deeds.append(
            Deed(at + chance.uniform(30, 90), "edit", which, "jira", "status", _back_to_open(chance))
        )
    faults = _striking("busy", (write for write in range(13, 60) if chance.random() < 0.4))
    rule = chance.choice(("newest", "jira", "servicenow"))
    traits = Traits(clash=(rule,) * len(UNITS), tie=(chance.choice(SIDES),) * len(UNITS))
    return Scenario(number, traits, tuple(deeds), (), (), faults, gaps=(60.0,) * 22)


def _back_to_open(chance: random.Random) -> int:
    """The number of an edit that takes an issue from its first hop back to where it was."""
    while True:
        n = chance.randrange(100, 10_000)
        if random.Random(f"status {n}").choice(WORKFLOW["In Progress"]).to == "Open":
            return n


def _busy(number: int, chance: random.Random) -> Scenario:
    """A side refuses connections while it is written to, and nothing moves on that incident afterwards."""
    # What a feed told last it tells again: the first incident must not stand at the end of either feed.
    deeds = [Deed(100.0 * which, "raise", which, chance.choice(SIDES), "", 1 + which) for which in range(2)]
    side, unit = chance.choice(SIDES), chance.choice(("summary", "description", "subcategory"))
    deeds.append(Deed(400, "edit", 0, side, unit, 11))
    deeds.append(Deed(410, "edit", 1, side, unit, 12))
    kinds: tuple[FaultKind, ...] = ("reset", "busy")
    made = 6  # writes: two mirrors, and what shows each half on the other
    faults = _striking(chance.choice(kinds), range(made + 1, made + chance.choice((2, 3))))
    return Scenario(number, Traits(overlap=False), tuple(deeds), (), (), faults, gaps=(60.0,) * 10)


def _rewritten(number: int, chance: random.Random) -> Scenario:
    """A rule makes something else of what was written; a person edits the other side before that is seen."""
    rule, unit = chance.choice((("upper", "summary"), ("alternate", "subcategory")))
    deeds = [Deed(0, "raise", 0, "jira", "", 1)]
    deeds += [Deed(60 + 7.0 * n, "edit", 0, "jira", unit, 10 + n) for n in range(60)]
    deaths = tuple(sorted(chance.sample(range(60, 500), 24)))
    clash = chance.choice(("servicenow", "hold", "jira", "newest"))
    traits = Traits(rules=frozenset({rule}), clash=(clash,) * len(UNITS))
    return Scenario(number, traits, tuple(deeds), deaths=deaths, gaps=(12.0,) * 40)


def _unindexed(number: int, chance: random.Random) -> Scenario:
    """An issue is made and the answer lost, and the search learns of it only after the quiet time."""
    deeds = [Deed(0, "raise", which, "servicenow", "", 1 + which) for which in range(3)]
    lost = _striking("lost_made", (write for write in range(1, 5) if chance.random() < 0.7))
    traits = Traits(lag=300.0, cloud=chance.random() < 0.5)
    return Scenario(number, traits, tuple(deeds), (), (), lost, gaps=(60.0,) * 16)


def _tail(number: int, chance: random.Random) -> Scenario:
    """A text that one side holds only in part is edited there, above the mark of the cut."""
    deeds = [Deed(0, "raise", 0, chance.choice(SIDES), "", 1)]
    for n, at in enumerate((300, 900)):
        deeds.append(Deed(float(at), "edit", 0, "jira", "description", 40 + 4 * n))
        deeds.append(Deed(at + chance.uniform(200, 400), "edit", 0, "servicenow", "headline", 51 + n))
    return Scenario(number, Traits(cloud=chance.random() < 0.5), tuple(deeds), gaps=(60.0,) * 22)


def _unreadable(number: int, chance: random.Random) -> Scenario:
    """The state is lost while no answer about a mirror can be believed: no other is made in its place."""
    side = chance.choice(SIDES)
    deeds = [
        Deed(0, "raise", 0, side, "", 1),
        Deed(0, "raise", 1, chance.choice(SIDES), "", 2),
        Deed(chance.uniform(200, 400), "garble", 0, other(side), "", 3),
        Deed(900, "raise", 2, chance.choice(SIDES), "", 4),
    ]
    if chance.random() < 0.7:
        deeds.append(Deed(chance.uniform(1000, 1500), "mend", 0, other(side), "", 5))
    lost = Errand(chance.randrange(8, 12), "lose")
    return Scenario(
        number, Traits(cloud=chance.random() < 0.5), tuple(deeds), errands=(lost,), gaps=(60.0,) * 28
    )


def _striking(kind: FaultKind, writes: Iterable[int]) -> tuple[tuple[int, FaultKind], ...]:
    return tuple((write, kind) for write in writes)


THEMES: Final[Mapping[str, Callable[[int, random.Random], Scenario]]] = {
    "accord": _accord, "doubt": _doubt, "hops": _hops, "busy": _busy, "rewritten": _rewritten,
    "unindexed": _unindexed, "tail": _tail, "unreadable": _unreadable,
}  # fmt: skip

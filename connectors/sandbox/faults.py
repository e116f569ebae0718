"""The catalogue of named faults of both stand-ins, and how a set of them is switched on, by rate and seed.

    install(world.servicenow, "servicenow", {"lost-answer": 0.02}, seed=7, clock=clock)

ServiceNow's own stand in `sandbox/servicenow/faults.py`, Jira's in `sandbox/jira/faults.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any, Final

from tieline.connectors.sandbox.core import Clock, Faults
from tieline.connectors.sandbox.jira.faults import FAULTS as JIRA
from tieline.connectors.sandbox.servicenow.faults import FAULTS as SERVICENOW
from tieline.connectors.sandbox.trouble import Means, NamedFault

CATALOGUE: Final[Mapping[str, tuple[NamedFault, ...]]] = {
    "servicenow": SERVICENOW,
    "jira": JIRA,
}
"""The faults of each side. A name may stand on both."""

HOSTILE_RATE: Final = 0.02

Rates = Mapping[str, float]
"""Fault name -> how often it strikes, 0 to 1."""

NONE: Final[Mapping[str, Rates]] = MappingProxyType({})
"""No trouble at all."""


class UnknownFault(ValueError):
    """No fault has this name, or its rate is none; the text names what there is."""


def names(side: str | None = None) -> list[str]:
    """Every name there is, on one side or on either."""
    sides = CATALOGUE if side is None else (side,)
    return sorted({fault.name for each in sides for fault in CATALOGUE[each]})


def hostile(rate: float = HOSTILE_RATE) -> dict[str, dict[str, float]]:
    """Every fault of both sides at one rate."""
    return {side: {fault.name: rate for fault in faults} for side, faults in CATALOGUE.items()}


def parse(settings: Iterable[str], start: Mapping[str, Rates] | None = None) -> dict[str, dict[str, float]]:
    """`NAME=RATE` or `SIDE:NAME=RATE`, on top of `start`; side -> name -> rate. Raises `UnknownFault`."""
    rates = {side: dict((start or {}).get(side, {})) for side in CATALOGUE}
    for text in settings:
        named, _, said = text.partition("=")
        side, _, name = named.rpartition(":")
        if side and side not in CATALOGUE:
            raise UnknownFault(f"{text!r}: no side is called {side!r} ({', '.join(CATALOGUE)})")
        sides = [each for each in ([side] if side else CATALOGUE) if name in names(each)]
        if not sides:
            raise UnknownFault(f"{text!r}: no fault is called {name!r}; there are {', '.join(names())}")
        for each in sides:
            rates[each][name] = _rate(text, said)
    return rates


def _rate(text: str, said: str) -> float:
    try:
        rate = float(said)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UnknownFault(f"{text!r}: a rate is a number from 0 to 1, e.g. lost-answer=0.02")
    return rate


def install(system: Any, side: str, rates: Rates, *, seed: int, clock: Clock) -> None:
    """Switch these faults on and all other named faults of this side off; scripted ones stay.

    `system` is a stand-in: its `faults` strike whole requests, `part_faults` (where it has them) parts of a
    batch. Each fault draws from a chance of its own, so that one more leaves the others as they were.
    """
    _remove(system, side)
    for named in CATALOGUE[side]:
        rate = rates.get(named.name, 0.0)
        if rate <= 0:
            continue
        means = Means(rate, Random(f"{seed} {side} {named.name}"), clock)
        named.on(system, means)
        if named.make is None:
            continue
        system.faults.append(named.make(means))
        if named.in_parts and isinstance(getattr(system, "part_faults", None), Faults):
            system.part_faults.append(named.make(means))


def _remove(system: Any, side: str) -> None:
    known = {named.name for named in CATALOGUE[side]}
    for faults in (system.faults, getattr(system, "part_faults", [])):
        faults[:] = [fault for fault in faults if fault.name not in known]
    for named in CATALOGUE[side]:
        named.off(system)

"""What a named fault is made of: its name, what real systems do, and chance and time to do it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

from tieline.connectors.sandbox.core import Clock, Fault, Response, VirtualClock


@dataclass(slots=True)
class Means:
    """What one fault works with: its rate (0 to 1), its own chance, and the clock of the sandbox."""

    rate: float
    chance: Random
    clock: Clock

    def strikes(self) -> bool:
        """Whether it strikes this time."""
        return self.chance.random() < self.rate

    def late(self, response: Response, seconds: float) -> Response:
        """`response`, that much later: a virtual clock moves on, on the machine's clock the answer waits."""
        if isinstance(self.clock, VirtualClock):
            self.clock.advance(timedelta(seconds=seconds))
            return response
        return replace(response, delay=seconds)

    def slow(self, response: Response, seconds: float) -> Response:
        """`response` with a body that takes so long."""
        if isinstance(self.clock, VirtualClock):
            return self.late(response, seconds)
        return replace(response, trickle=seconds)


@dataclass(frozen=True, slots=True)
class NamedFault:
    """One entry of the catalogue.

    `does` says what the real system does, `source` who says so. `make` builds the fault; `on` and `off`
    change the stand-in itself instead, for what no single request shows. `in_parts` lets it strike parts of
    a batch as well as whole requests.
    """

    name: str
    does: str
    source: str
    make: Callable[[Means], Fault] | None = None
    in_parts: bool = False
    on: Callable[[Any, Means], None] = field(default=lambda _system, _means: None)
    off: Callable[[Any], None] = field(default=lambda _system: None)

"""When a pass was shown that both records of an incident agree, by the looks that it took: it is not asked.

People may agree by themselves: then nothing is written, and what they agreed on is dealt with all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.simulation import truth
from tests.simulation.simulation import Passed
from tests.simulation.world import Look
from tieline.connectors.base import SIDES, Side, Value

Step = tuple[int, Mapping[str, Value]]
"""When (its place in the log) a unit of a record came to hold these values."""


def agreements(
    unit: str,
    held: Mapping[Side, Sequence[Step]],
    looks: Mapping[Side, Sequence[Look]],
    passes: Iterable[Passed],
) -> Iterator[tuple[int, Mapping[Side, Mapping[str, Value]], bool]]:
    """When a pass was shown both in step, with what values, and whether it came to its end.

    Two looks count together only within one pass. One that broke off may have dealt with it, or not.
    """
    for done in passes:
        taken = [(look.seq, side) for side in SIDES for look in looks[side] if _is_of(look, done)]
        shown: dict[Side, Mapping[str, Value]] = {}
        for seq, side in sorted(taken):
            shown[side] = next((values for at, values in reversed(held[side]) if at <= seq), {})
            if len(shown) == len(SIDES) and truth.agree(unit, shown["servicenow"], shown["jira"]):
                yield seq, dict(shown), not done.error


def _is_of(look: Look, done: Passed) -> bool:
    return done.begun <= look.at <= done.ended

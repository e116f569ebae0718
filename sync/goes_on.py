"""What goes on while a pair is parked because of its fields: what people say, and files; it ends no park."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from tieline.sync.model import Park, Step
from tieline.sync.parking import NO_PATH

if TYPE_CHECKING:
    from tieline.sync.aspects import Extra
    from tieline.sync.decide import Context
    from tieline.sync.store.store import Tx
    from tieline.sync.work import Work

REJECTED: Final = "rejected"
"""The reason of a park: a side refused a write."""
FIELDS_ALONE: Final = frozenset({NO_PATH, REJECTED})
"""Reasons that concern what was to be written to fields; not whether the pair, its records and its scope are
what they seem, nor what a rule wants a person to look at first.
"""


@runtime_checkable
class Steadfast(Protocol):
    """A Part that goes on while the fields of its pair wait."""

    def while_parked(self, work: Work, context: Context) -> Extra:
        """What is left to write that touches no field. Pure, as `plan` is."""

    def looked(self, tx: Tx, work: Work, at: datetime) -> None:
        """What needs no write is settled."""


def goes_on(work: Work, park: Park, context: Context) -> list[Step]:
    """The steps of a parked pair that do not depend on why it is parked."""
    extras = [part.while_parked(work, context) for part in _steadfast(work, park)]
    return [step for extra in extras for step in (*extra.before, *extra.after)]


def remember_goes_on(tx: Tx, work: Work, park: Park, at: datetime) -> None:
    """Let the parts that go on settle what needs no write."""
    for part in _steadfast(work, park):
        part.looked(tx, work, at)


def _steadfast(work: Work, park: Park) -> list[Steadfast]:
    if park.reason not in FIELDS_ALONE:
        return []
    return [part for part in work.parts or () if isinstance(part, Steadfast)]

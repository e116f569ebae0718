"""What the demo needs of that which it plays: stand-ins, people at work on them, and a check of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol


class Deed(Protocol):
    """Something that a person did."""

    side: str
    by: str
    label: str
    values: Mapping[str, str]
    first: bool


class Act(Protocol):
    """What people did before a pass."""

    title: str
    at: datetime
    deeds: Sequence[Deed]
    checkpoint: bool


class Report(Protocol):
    """What an independent reading of both sides found."""

    pairs: int
    fields: int
    differences: Sequence[object]
    duplicates: Sequence[str]
    missing: Sequence[str]
    relations: int
    misrelated: Sequence[str]
    ok: bool


class Theatre(Protocol):
    """The stand-ins with a script of what people do on them."""

    configuration: str
    clash: str
    requests: int
    notes: Sequence[str]

    def __enter__(self) -> Theatre: ...
    def __exit__(self, *_: object) -> None: ...
    def environment(self) -> Mapping[str, str]:
        """Variables that hold the secrets."""

    def now(self) -> datetime:
        """The sandbox's time."""

    def advance(self, by: timedelta) -> None:
        """Let time pass."""

    def acts(self) -> Iterator[Act]:
        """People work, act after act."""

    def compare(self) -> Report:
        """Read both sides, apart from the engine."""

    def conversation(self) -> Sequence[str]:
        """What both sides show of one conversation."""

    def outage(self) -> Sequence[str]:
        """What both sides show of the relations of one outage."""

    def refused(self) -> Mapping[str, Sequence[str]]:
        """What the systems' rules refused: reason -> where."""

"""What the conformance suites share: one side under test, its connector, and what people do there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tieline.connectors.base import Action, Applied, Connector, Record, Ref, Side, Value
from tieline.connectors.errors import ConnectorError, Denied


@dataclass
class Desk(ABC):
    """One side under test. Each suite adds what its promises are about."""

    side: Side
    connector: Connector

    @abstractmethod
    def raised(self, **values: Value) -> Ref:
        """A person makes a record, texts as they were typed."""

    @abstractmethod
    def later(self, seconds: float) -> None:
        """So much time passes (on a live instance: is waited for)."""

    def hide(self, ref: Ref) -> None:
        """Keep a record from our account."""
        raise NotImplementedError

    def failing(self, kind: str) -> AbstractContextManager[None]:
        """Each request fails while the block runs: "limit", "down", "denied", "lost" (done, no answer).

        Where there are files, "broken" as well: the content of one ends too soon.
        """
        raise NotImplementedError

    # What the tests make of it

    def write(self, action: Action) -> Applied | ConnectorError:
        """What came of one write; a side that denies everything may say so for the whole list."""
        try:
            [outcome] = self.connector.write([action])
        except Denied as denied:
            return denied
        return outcome

    def applied(self, action: Action) -> Applied:
        """One write that must be made."""
        outcome = self.write(action)
        assert isinstance(outcome, Applied), outcome
        return outcome

    def record(self, ref: Ref) -> Record:
        """The record as it is read now."""
        [found] = self.connector.read([ref])
        assert isinstance(found, Record), found
        return found

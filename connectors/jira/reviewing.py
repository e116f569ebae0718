"""Tells from an issue's changelog what became of a write, and what it overwrote; it writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tieline.connectors.base import Record, Reviewed, Transition, Update, Values
from tieline.connectors.errors import ConnectorError, Malformed
from tieline.connectors.jira.history import Sent, alone, entries, is_whole, races, was_made
from tieline.connectors.jira.reading import Reading
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import instant

STATUS = "status"


class Reviewing:
    """Reviews writes to one Jira."""

    def __init__(self, site: Site, reading: Reading) -> None:
        self._site = site
        self._reading = reading

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What became of each write, from one batched read past the index."""
        if not writes:
            return []
        reader, us = self._site.reader(), self._site.account()
        answers = self._reading.answers([write.ref.id for write in writes])
        found: list[Reviewed | ConnectorError] = []
        for write in writes:
            answer = answers[write.ref.id]
            record = self._reading.record(reader, answer)
            if isinstance(record, Record) and isinstance(answer, dict):
                found.append(self._reviewed(write, record, answer, us))
            else:
                found.append(record if isinstance(record, ConnectorError) else Malformed("no issue"))
        return found

    def _reviewed(
        self, write: Update | Transition, record: Record, issue: dict[str, Any], us: str
    ) -> Reviewed:
        kinds = self._site.shown_kinds()
        sent = Sent(_sent(write), write.before, us, _since(write))
        try:
            history = entries(issue.get("changelog"), self._site.reader().ids)
        except (Malformed, AttributeError, TypeError):
            return Reviewed(record)
        made = was_made(history, sent, kinds, record.values, whole=is_whole(issue.get("changelog")))
        if made is not True:
            return Reviewed(record, made)
        raced = races(history, sent, kinds, exactly=True)
        return Reviewed(record, True, alone(history, sent, raced), raced)


def _sent(write: Update | Transition) -> Values:
    return {**write.values, STATUS: write.move.to} if isinstance(write, Transition) else write.values


def _since(write: Update | Transition) -> Any:
    try:
        return instant(write.seen.token) if write.seen.token else None
    except Malformed:
        return None

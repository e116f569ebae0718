"""Remembers how far each record was seen: an older copy from another node is not taken for an edit."""

from __future__ import annotations

import threading
from typing import Final

from tieline.connectors.base import Record
from tieline.connectors.errors import ConnectorError, Unavailable
from tieline.connectors.servicenow.records import mod_count

REMEMBERED: Final = 10_000
"""Records remembered at most; the first seen are forgotten first."""


class Newest:
    """The highest sys_mod_count seen of each record, while the program runs. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}

    def note(self, record: Record | None) -> None:
        """Remember what the answer to a write shows."""
        count = None if record is None else mod_count(record.version)
        if record is None or count is None:
            return
        with self._lock:
            self._seen[record.ref.id] = max(count, self._seen.pop(record.ref.id, count))
            while len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def checked(self, record: Record | ConnectorError) -> Record | ConnectorError:
        """The record; Unavailable in place of a copy older than one that was seen before."""
        if isinstance(record, ConnectorError):
            return record
        count, seen = mod_count(record.version), self._seen.get(record.ref.id)
        if count is not None and seen is not None and count < seen:
            return Unavailable(
                f"{record.label}: ServiceNow shows an older copy ({count} updates, {seen} were seen before)"
            )
        self.note(record)
        return record

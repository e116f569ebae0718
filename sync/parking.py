"""When a pair is left alone, and when it is tried again: after a pause, or when a mapped value moves."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import Record, Ref, Side
from tieline.sync.model import Park
from tieline.sync.vocabulary import Vocabulary

FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=24)
BY_PERSON: Final = "person"
"""The reason of an arrival that a person asked for: it ends a park."""
BY_MAPPING: Final = "mapping"
"""The reason of an arrival because the configuration changed: what was held or parked may go now."""
BY_WORKFLOW: Final = "workflow"
"""The reason of an arrival because issues showed transitions that were not known before."""
RELEASES: Final = frozenset({BY_PERSON, BY_MAPPING, BY_WORKFLOW})
"""Reasons of an arrival that let go of a park, once."""
BY_RULE: Final = "rule"
"""The reason of a park: a rule of the policy wants a person to look. It ends when the rule does not apply."""
BY_TIME: Final = "time"
"""The reason of an arrival because time alone may have changed what the policy says."""
CLOSED: Final = "7"
"""The state in which an incident takes no notes, and says nothing about it."""
NO_PATH: Final = "no-path"
"""The reason of a park: no known transitions lead to the wanted status."""


def arrival_ref(key: str) -> Ref:
    """The record behind an inbox key `r:<side>:<id>`."""
    _, side, id_ = key.split(":", 2)
    return Ref("servicenow" if side == "servicenow" else "jira", id_)


def seen_values(records: Iterable[Record], vocabulary: Vocabulary | None) -> str:
    """A fingerprint of the mapped values of these records; notes and links of our own do not change it."""
    parts = []
    for record in sorted(records, key=lambda r: r.ref):
        mapped = {n for u in vocabulary.units for n in u.fields(record.ref.side)} if vocabulary else ()
        values = {n: record.values.get(n) for n in mapped}
        shown = [(n, sorted(v) if isinstance(v, frozenset) else v) for n, v in sorted(values.items())]
        parts.append(f"{record.ref}={shown!r}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def parked(
    key: str, reason: str, detail: str, seen: str, now: datetime, before: Park | None, label: str = ""
) -> Park:
    """A Park; the same reason again doubles the pause and keeps the day on which it began."""
    again = before is not None and before.reason == reason
    tries = before.tries + 1 if before is not None and again else 0
    since = before.since if before is not None and again else now
    pause = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
    return Park(key, reason, detail, since, now + pause, tries, seen, label)


def stays_parked(park: Park, reasons: Collection[str], seen: str, now: datetime) -> bool:
    """Whether a park still holds: no mapped value moved, its pause is not over, and nothing released it.

    What a rule holds is asked each time: it may depend on what is not mirrored, and on time.
    """
    if park.reason == BY_RULE:
        return False
    resting = park.retry_at is None or park.retry_at > now
    return park.seen == seen and resting and RELEASES.isdisjoint(reasons)


def side_for(shown: Collection[Side], state: object) -> Side | None:
    """On which of the records that are shown a note is read: a closed incident takes none."""
    if "servicenow" in shown and state != CLOSED:
        return "servicenow"
    return "jira" if "jira" in shown else None

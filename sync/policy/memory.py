"""What Base keeps of an incident for the policy: flags, notes that were written, when it had which status.

It is an entry of the Base of its own, beside those of the mirrored units. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import Side, Value
from tieline.sync.model import Dealt, UnitBase
from tieline.sync.policy.applied import Note
from tieline.sync.policy.sla import Statuses

MEMORY: Final = "policy"
"""The entry of the Base; no mirrored field is called so."""
LONGEST: Final = 100
"""Changes of the status that are remembered; of more, the oldest are forgotten."""
_TOLD: Final = "@told"
_RELEASED: Final = "@released"
_STATUSES: Final = "@statuses"
_GIVEN: Final = "@given"
_HEARD: Final = "@heard"
_FRESH: Final = "@fresh"


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered. `fresh`: raised just now, and the policy has not come to rest on it yet.

    `told` names the notes that were written, by rule, text and side; `released` the holds that a person
    lifted; `flags` are those that are set.
    """

    flags: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    statuses: Statuses = ()
    fresh: bool = False
    given: frozenset[str] = frozenset()
    """Values that rules gave fields of one side only, each as `field=value`."""
    heard: frozenset[str] = frozenset()
    """Marks of what rules ask of comments and a comment answered; no text of them."""

    def has_told(self, note: Note, side: Side) -> bool:
        """Whether a note was written on a side."""
        return mark_of(note.rule, note.text, side) in self.told

    def with_told(self, note: Note, side: Side) -> Memory:
        """The same, once the note is written on a side."""
        return replace(self, told=self.told | {mark_of(note.rule, note.text, side)})

    def with_status(self, status: str, since: datetime) -> Memory:
        """The same, with the status that it has since then (UTC)."""
        if self.statuses and self.statuses[-1][1] == status:
            return self
        last = self.statuses[-1][0] if self.statuses else since
        return replace(self, statuses=(*self.statuses, (max(last, since), status))[-LONGEST:])

    def entry(self, at: datetime) -> UnitBase:
        """As Base keeps it."""
        values: dict[str, Value] = dict.fromkeys(sorted(self.flags), "true")
        values |= {_TOLD: self.told} if self.told else {}
        values |= {_RELEASED: self.released} if self.released else {}
        values |= {_GIVEN: self.given} if self.given else {}
        values |= {_HEARD: self.heard} if self.heard else {}
        values |= {_FRESH: "true"} if self.fresh else {}
        if self.statuses:
            values[_STATUSES] = json.dumps([[at.isoformat(), name] for at, name in self.statuses])
        return UnitBase(Dealt(MappingProxyType(values), "rule"), None, at)


NOTHING: Final = Memory()
"""Nothing is remembered."""


def mark_of(rule: str, text: str, side: str = "") -> str:
    """What stands for something that a rule said: it is said again only in other words."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{rule}:{digest}:{side}" if side else f"{rule}:{digest}"


def remembered(held: UnitBase) -> Memory | None:
    """What an entry of the Base holds; None if the policy has not seen the incident."""
    if held.servicenow is None:
        return None
    values = held.servicenow.values
    return Memory(
        flags=frozenset(name for name, value in values.items() if value == "true" and name[0] != "@"),
        told=_set(values, _TOLD),
        released=_set(values, _RELEASED),
        statuses=_statuses(values.get(_STATUSES)),
        fresh=values.get(_FRESH) == "true",
        given=_set(values, _GIVEN),
        heard=_set(values, _HEARD),
    )


def _set(values: Mapping[str, Value], name: str) -> frozenset[str]:
    value = values.get(name)
    return value if isinstance(value, frozenset) else frozenset()


def _statuses(value: Value) -> Statuses:
    found = json.loads(value) if isinstance(value, str) else []
    return tuple((datetime.fromisoformat(at).astimezone(UTC), str(name)) for at, name in found)

"""Where a policy reads what nobody mirrors: columns and fields that its conditions need. Pure.

They are read with each record and never written. ServiceNow's may be reached over references
(`caller_id.vip`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, FieldKind, Side, Value, Values
from tieline.sync.policy.conditions import atoms
from tieline.sync.policy.fields import Cell, Kind
from tieline.sync.policy.model import Policy, Source, Term

READ_AS: Final[Mapping[Kind, FieldKind]] = MappingProxyType({
    "choice": "choice", "flag": "choice", "time": "choice", "text": "text", "texts": "text", "set": "set",
})  # fmt: skip
USUAL: Final[Mapping[str, Source]] = MappingProxyType({
    "vip": Source("caller_id.vip"), "caller": Source("caller_id.user_name"),
    "opened": Source("opened_at"), "resolved": Source("resolved_at"), "due": Source("due_date"),
    "channel": Source("contact_type"), "service": Source("business_service.name"),
    "category": Source("category"), "subcategory": Source("subcategory"),
    "summary": Source("short_description"), "description": Source("description"),
    "group": Source("assignment_group.name"), "assignee": Source("assigned_to.user_name"),
    "impact": Source("impact"), "urgency": Source("urgency"), "status": Source("state"),
    "resolution": Source("close_code"), "labels": Source(jira="labels"),
    "components": Source(jira="components"),
})  # fmt: skip
"""Where fields stand as both systems come; `[fields]` says it otherwise."""
PEOPLE: Final = frozenset({"watches"})
"""Fields of Jira that hold several people by their accounts; rules name them by e-mail address."""
FOR_TARGETS: Final = frozenset({"opened", "resolved", "assignee", "status", "impact", "urgency"})
"""What the targets of an SLA need, whether or not a rule asks it."""
NO_SOURCE: Final = frozenset({"now", "sla", "priority", "major", "updated", "comments"})
"""Worked out, kept by Tieline itself, or not to be read with a record."""
_YES: Final = frozenset({"true", "1", "yes"})


def asked(policy: Policy) -> frozenset[str]:
    """The fields that the policy must know of an incident; those too that rules set on one side only."""
    found = {atom.field for entry in policy.entries for atom in atoms(entry.when)}
    found |= {a.field for rule in policy.rules for a in rule.sets} & policy.sources.keys()
    found |= FOR_TARGETS if policy.slas else frozenset()
    found |= (
        {atom.field for when in policy.links.conditions for atom in atoms(when)} if policy.links else set()
    )
    return frozenset(found - (NO_SOURCE - policy.sources.keys()))


def sources(policy: Policy, mirrored: Collection[str]) -> dict[str, Source]:
    """Where to read each field that the policy needs and nobody mirrors; those from nowhere are absent."""
    wanted = sorted(asked(policy) - set(mirrored))
    found = {name: policy.sources.get(name, USUAL.get(name)) for name in wanted}
    return {name: source for name, source in found.items() if source}


def columns(policy: Policy, mirrored: Collection[str], side: Side) -> dict[str, FieldKind]:
    """What has to be read of each record of a side beyond what is mirrored, and how."""
    found = sources(policy, mirrored)
    return {
        source.of(side): "people" if source.of(side) in PEOPLE else READ_AS[policy.kind(name) or "choice"]
        for name, source in found.items()
        if source.of(side)
    }


def is_written(policy: Policy, name: str) -> bool:
    """Whether a field that is not mirrored stands somewhere that a rule can write."""
    source = policy.sources.get(name)
    return source is not None and any(is_writable(source.of(side)) for side in SIDES)


def is_writable(column: str) -> bool:
    """What lies behind a reference is another record's."""
    return bool(column) and "." not in column


def cells(policy: Policy, found: Mapping[str, Source], values: Mapping[Side, Values]) -> dict[str, Cell]:
    """What records show of the fields that nobody mirrors; where both sides do, ServiceNow is believed."""
    shown: dict[str, Cell] = {}
    for name, source in found.items():
        for cell in _shown(policy, name, source, values):
            shown.setdefault(name, cell)
    return shown


def _shown(policy: Policy, name: str, source: Source, values: Mapping[Side, Values]) -> Iterator[Cell]:
    kind, terms = policy.kind(name) or "choice", policy.vocabulary.get(name, ())
    for side in SIDES:
        value = values.get(side, {}).get(source.of(side)) if source.of(side) else None
        cell = None if value is None else _cell(kind, value, terms, side)
        if cell is not None:
            yield cell


def _cell(kind: Kind, value: Value, terms: tuple[Term, ...], side: Side) -> Cell:
    match kind, value:
        case "flag", _:
            return is_yes(value)
        case "time", str():
            return moment_of(value)
        case "set", str():
            return frozenset({value})
        case "choice", str():
            return next((term.name for term in terms if value in term.own(side)), value)
        case _:
            return value


def is_yes(value: Value) -> bool:
    """A flag, as either side writes one."""
    words = value if isinstance(value, frozenset) else {value or ""}
    return any(word.strip().lower() in _YES for word in words)


def moment_of(text: str) -> datetime | None:
    """A time as either side writes it (ServiceNow's is UTC without saying so); None if it is none."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

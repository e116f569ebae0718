"""A person or a group as a mirrored unit: who is meant, and what the other side gets for others. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from tieline.connectors.base import Side, Values, other
from tieline.sync.mapping import Directory, EntityKind, FieldUnit, Unmapped


@dataclass(frozen=True)
class EntityUnit(FieldUnit):
    """A person or a group. Those without a partner are as good as nobody to the other side, or are held."""

    kind: EntityKind = "person"
    unknown: str = "unassigned"
    """`unassigned`, `hold`, or `default:ID` with the id that Jira gets for somebody it does not have.

    A group that ServiceNow does not have becomes the partner of that id. `group:ID` is for people: nobody,
    and the group that takes over (`tieline.sync.handover`).
    """

    several: bool = False
    """Whether Jira's field holds others beside: components that are no group, and stay when that changes."""

    @property
    def stand_in(self) -> str:
        """The group, as Jira knows it, that takes over from somebody unknown; "" if none does."""
        return self.unknown.removeprefix("group:") if self.unknown.startswith("group:") else ""

    def lookups(self) -> Sequence[tuple[Side, EntityKind, str]]:
        """Whom the rule for the unknown names, to be looked up like those whom records name."""
        if self.kind == "group" and self._default:
            return (("jira", "group", self._default),)
        return (("jira", "group", self.stand_in),) if self.stand_in else ()

    @property
    def _default(self) -> str:
        return self.unknown.removeprefix("default:") if self.unknown.startswith("default:") else ""

    def member(self, side: Side, values: Values, directory: Directory) -> str | None:
        """The one person or group. Of several values (components) it is the one that has a partner."""
        value = self.value(side, values)
        if not isinstance(value, frozenset):
            return value
        known = [one for one in value if directory.partner(side, self.kind, one) is not None]
        return min(known or value, default=None)

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """The Jira id of the person or group, None for nobody."""
        id_ = self.member(side, values, directory)
        if id_ is None:
            return None
        partner = directory.partner(side, self.kind, str(id_))
        if partner is not None:
            return partner if side == "servicenow" else str(id_)
        if side == "jira" and self.unknown == f"default:{id_}":
            return str(id_)
        return self._without(side, str(id_), directory)

    def agrees(self, servicenow: Values, jira: Values, directory: Directory) -> bool:
        """One class, or partners by the look-up of either side: one of two namesakes may be found alone."""
        ours = self.member("servicenow", servicenow, directory)
        theirs = self.member("jira", jira, directory)
        if ours is not None and theirs is not None:
            found = directory.partner("servicenow", self.kind, str(ours)) == theirs
            if found or directory.partner("jira", self.kind, str(theirs)) == ours:
                return True
        return super().agrees(servicenow, jira, directory)

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """The partner's id; of several values that stand here, only the one of the group gives way to it."""
        found = self._found(to, self.member(other(to), values, directory), directory)
        if isinstance(found, Unmapped):
            return found
        value = self.value(to, current)
        if isinstance(value, frozenset) or (self.several and to == "jira" and value is not None):
            there = value if isinstance(value, frozenset) else {value}
            kept = {one for one in there if directory.partner(to, self.kind, one) is None}
            whole = frozenset(kept | ({found} if found is not None else set()))
            return self._as(to, whole if len(whole) > 1 else min(whole, default=None))
        return self._as(to, found)

    def _found(self, to: Side, id_: str | None, directory: Directory) -> str | Unmapped | None:
        if id_ is None:
            return None
        partner = directory.partner(other(to), self.kind, id_)
        if partner is None and to == "servicenow" and self.kind == "group" and self._default:
            return directory.partner("jira", "group", self._default)
        return partner if partner is not None else self._without(other(to), id_, directory)

    def entities(self, side: Side, values: Values) -> Sequence[tuple[EntityKind, str]]:
        """The one person or group, or several of which one is meant."""
        value = self.value(side, values)
        several = sorted(value) if isinstance(value, frozenset) else () if value is None else (value,)
        return [(self.kind, one) for one in several]

    def _without(self, side: Side, id_: str, directory: Directory) -> str | Unmapped | None:
        if self.unknown == "hold":
            name = directory.name(side, self.kind, id_)
            return Unmapped(f"{self.name}: {name!r} of {side} has no counterpart; add it to the map")
        return (self._default or None) if side == "servicenow" or self.kind == "group" else None

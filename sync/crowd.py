"""People beyond a single reference: several in a field, and those whom a side knows by name only. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tieline.connectors.base import Side, Values, other
from tieline.sync.entities import EntityUnit
from tieline.sync.mapping import Directory, EntityKind, SetUnit, Unmapped


@dataclass(frozen=True)
class PeopleUnit(SetUnit):
    """Watchers, participants: whoever has no partner belongs to their side alone, and is left there."""

    directory: Directory = field(default_factory=Directory)

    def knowing(self, directory: Directory) -> SetUnit:
        """The unit, knowing who is who."""
        return replace(self, directory=directory)

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """Those who have a partner, by their Jira ids."""
        return frozenset(self.knowing(directory).elements(side, values))

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """The partners of those on the other side, beside this side's own."""
        unit = self.knowing(directory)
        return unit.with_elements(to, current, unit.elements(other(to), values))

    def entities(self, side: Side, values: Values) -> Sequence[tuple[EntityKind, str]]:
        """Everybody."""
        return [("person", member) for member in sorted(self.members(side, values))]

    def _element(self, side: Side, member: str) -> Hashable | None:
        partner = self.directory.partner(side, "person", member)
        return None if partner is None else member if side == "jira" else partner

    def _partner(self, to: Side, theirs: str) -> str:
        partner = self.directory.partner(other(to), "person", theirs)
        assert partner is not None, "only those with a partner are shared"
        return partner


@dataclass(frozen=True)
class NamedUnit(EntityUnit):
    """A person beside whom a text field shows the name of somebody whom that side does not know.

    `names` are those fields by side; a side without one shows nobody, as without this. The name is the other
    side's: what people make of it here goes nowhere.
    """

    names: Mapping[Side, str] = field(default_factory=dict)

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """Who it is; of somebody whom the other side shows by name, the name."""
        class_ = super().classify(side, values, directory)
        if isinstance(class_, Unmapped):
            return class_
        return self._lent(side, values, directory) or self._shown(side, values, directory) or class_

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """The partner, or the name; whom the other side shows by name only stands here as before."""
        if self._shown(other(to), values, directory) is not None:
            return dict(self.own(to, current))
        encoded = super().encode(to, values, current, directory)
        if isinstance(encoded, Unmapped) or to not in self.names:
            return encoded
        named = self._lent(other(to), values, directory)
        return {**encoded, self.names[to]: named[1] if named is not None else None}

    def _lent(self, side: Side, values: Values, directory: Directory) -> tuple[str, str] | None:
        """Somebody of this side whom the other side can show by name only."""
        id_ = self.value(side, values)
        unknown = id_ is not None and directory.partner(side, self.kind, str(id_)) is None
        if not unknown or other(side) not in self.names or self._is_default(side, id_):
            return None
        return "named", " ".join(directory.name(side, self.kind, str(id_)).split())

    def _shown(self, side: Side, values: Values, directory: Directory) -> tuple[str, str] | None:
        """Somebody of the other side whom this one shows by name only."""
        text = values.get(self.names[side]) if side in self.names else None
        id_ = self.value(side, values)
        if not isinstance(text, str) or not (id_ is None or self._is_default(side, id_)):
            return None
        return "named", " ".join(text.split())

    def _is_default(self, side: Side, id_: object) -> bool:
        return side == "jira" and self.unknown == f"default:{id_}"

"""A field with several people: merged one by one, each as the directory joins them. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

from tieline.connectors.base import Side, Values, other
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
        return [("person", member) for member in sorted(self._members(side, values))]

    def _element(self, side: Side, member: str) -> Hashable | None:
        partner = self.directory.partner(side, "person", member)
        return None if partner is None else member if side == "jira" else partner

    def _partner(self, to: Side, theirs: str) -> str:
        partner = self.directory.partner(other(to), "person", theirs)
        assert partner is not None, "only those with a partner are shared"
        return partner

"""The relations of an in-memory side: columns that refer in ServiceNow, issue links and remote links in Jira.

No kinder than the real ones: the same issue link can be made twice, and a column is overwritten unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tieline.connectors.base import (
    Affected,
    Applied,
    Change,
    Ref,
    Relate,
    Search,
    Side,
    Target,
    Tie,
    Unrelate,
    Version,
)
from tieline.connectors.errors import ConnectorError, Rejected


class MemoryTies:
    """What records of one side are tied to. `told` switches off that records show it at all.

    `targets` are the records that are no rows of the side: problems, changes, items. `items` are the affected
    ones of each row, with when they were put there.
    """

    def __init__(self, side: Side) -> None:
        self.told = True
        self.known: dict[tuple[str, str], Target] = {}
        self.columns: dict[str, dict[str, Ref]] = {}
        self.issue_links: dict[str, tuple[str, str, str]] = {}
        self.remote: dict[str, dict[str, Relate]] = {}
        self.items: dict[str, dict[Ref, datetime]] = {}
        self.unseen_items: set[Ref] = set()
        self.refused: frozenset[str] = frozenset()
        self._side = side
        self._next = 70_000

    # What people do.

    def add(self, kind: str, id_: str, label: str) -> Ref:
        """A record that an incident may be tied to."""
        ref = Ref(self._side, id_, kind)
        self.known[kind, id_] = Target(
            ref, label, title=f"about {label}", url=f"https://{self._side}/{label}"
        )
        return ref

    def set(self, row: str, column: str, target: Ref | None) -> None:
        """ServiceNow: set or empty a column."""
        if target is None:
            self.columns.get(row, {}).pop(column, None)
        else:
            self.columns.setdefault(row, {})[column] = target

    def affect(self, row: str, item: Ref, at: datetime) -> None:
        """ServiceNow: put an item on the list of those that a row affects; the row does not change."""
        self.items.setdefault(row, {})[item] = at

    def unaffect(self, row: str, item: Ref) -> None:
        """ServiceNow: take an item off that list, of which no feed tells."""
        self.items.get(row, {}).pop(item, None)

    def link(self, source: str, name: str, target: str) -> str:
        """Jira: `source` <outward words> `target`; the link's id."""
        self._next += 1
        self.issue_links[str(self._next)] = (source, name, target)
        return str(self._next)

    def unlink(self, id_: str) -> None:
        """Jira: delete a link; one that is gone is no matter."""
        self.issue_links.pop(id_, None)

    # What the engine sees and does.

    def shown(self, row: str, labels: dict[str, str]) -> tuple[Tie, ...] | None:
        """The ties of a row; `labels` are those of all rows that are shown, by id: no other link is."""
        if not self.told:
            return None
        if self._side == "servicenow":
            held = sorted(self.columns.get(row, {}).items())
            return tuple(Tie(name, ref, label=self._label(ref, labels)) for name, ref in held)
        found = []
        for id_, (source, name, target) in self.issue_links.items():
            for own, far, outward in ((source, target, True), (target, source, False)):
                if own == row and far in labels:
                    found.append(Tie(name, Ref("jira", far, "issue"), outward, id_, labels.get(far, "")))
        return tuple(sorted(found))

    def items_of(self, row: str) -> Affected:
        """The items that a row affects; those in `unseen_items` are hidden from us."""
        held = self.items.get(row, {})
        seen = sorted(held.keys() - self.unseen_items)
        return Affected(tuple(self.known[ref.kind, ref.id] for ref in seen), len(seen) == len(held))

    def affecting(self, since: datetime) -> tuple[Change, ...]:
        """The rows that got an item since."""
        moved = [(at, row) for row, held in self.items.items() for at in held.values() if at >= since]
        return tuple(Change(Ref(self._side, row), "", Version(""), at) for at, row in sorted(moved))

    def _label(self, ref: Ref, labels: dict[str, str]) -> str:
        target = self.known.get((ref.kind, ref.id))
        return labels.get(ref.id, "") if target is None else target.label

    def write(self, action: Relate | Unrelate) -> Rejected | str:
        """Make the write: what it made, or why it is refused."""
        row, name = action.ref.id, action.name
        if name in self.refused:
            return Rejected(f"Operation against file was aborted by Business Rule 'no {name}'")
        if action.global_id and self._side == "servicenow":
            return Rejected("ServiceNow has no remote links", {name: "no remote link"})
        if not action.global_id and action.target.side != self._side:
            return Rejected(f"{action.target} is no issue: it can be shown by a remote link only")
        if isinstance(action, Unrelate):
            if self._side == "servicenow":
                self.set(row, name, None)
            elif action.global_id:
                self.remote.get(row, {}).pop(action.global_id, None)
            else:
                self.unlink(action.id)
            return ""
        if self._side == "servicenow":
            self.set(row, name, action.target)
        elif action.global_id:
            self.remote.setdefault(row, {})[action.global_id] = action
        else:
            ends = (row, action.target.id) if action.outward else (action.target.id, row)
            self.link(ends[0], name, ends[1])
        return action.global_id

    def knows(self, target: Ref) -> bool:
        """Whether a record that is no row of the side was made known."""
        return (target.kind, target.id) in self.known

    def find(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The known records of a kind with these ids or labels."""
        return [t for (k, id_), t in self.known.items() if k == kind and (id_ in keys or t.label in keys)]

    def seek(self, search: Search) -> list[Target]:
        """The known records that a search finds; only kind, item and group count here."""
        found = [t for (kind, _), t in self.known.items() if kind == search.kind]
        sets = [
            (search.cis, "ci"),
            (search.groups, "group"),
            (search.categories, "category"),
            (search.services, "service"),
        ]
        return [t for t in found if all(not values or getattr(t, name) in values for values, name in sets)]

    def remote_of(self, row: str) -> frozenset[str] | ConnectorError:
        """The global ids of a row's remote links."""
        return frozenset(self.remote.get(row, {}))


def applied(action: Relate | Unrelate, made: Rejected | str) -> Applied | Rejected:
    """The outcome of a write without an answer, as Jira's links have none."""
    return made if isinstance(made, Rejected) else Applied(action.ref, made=made)

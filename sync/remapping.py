"""What a changed mapping means for pairs that exist: what may go on at once, and what a person accepts. Pure.

A new line in a map that leaves every known value where it was is nothing to ask about: it lets go what was
held, and rewrites nothing. All else changes what is equal, and so what a pass would write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tieline.connectors.base import SIDES, Side
from tieline.sync.mapping import Edge, ValueMap

_MAPS: Final = ("map", "resolution")
_GROUPS: Final = ("status", "priority", "people", "groups")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two mappings. `grave`: it may rewrite what is on either side."""

    where: str
    what: str
    grave: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every difference, in the order of the file. Both are `Config.mapping()`."""
    found = list(_fields(old.get("fields") or {}, new.get("fields") or {}))
    for name in _GROUPS:
        found += _part(name, old.get(name), new.get(name))
    return tuple(dict.fromkeys(found))


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for route in (name for name in new if name in old):  # a new route has no pairs, a removed one rests
        for name in dict.fromkeys((*old[route], *new[route])):
            yield from _part(f"field {name}", old[route].get(name), new[route].get(name))


def _part(where: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if not new:
        yield Change(where, "is not mirrored any more", grave=False)
    elif not old:
        yield Change(where, "is mirrored from now on: its rule `first` decides where the sides differ", True)
    else:
        for key in sorted({*old, *new}):
            before, after = old.get(key), new.get(key)
            if before == after:
                continue
            if key in _MAPS:
                yield _map(where if key == "map" else f"{where} {key}", before or (), after or ())
            else:
                yield Change(where, f"{key} was {_shown(before)}, is {_shown(after)}", grave=True)


def _map(where: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Change:
    before, after = _edges(old), _edges(new)
    known = {(side, value) for side in SIDES for edge in old for value in edge[side]}
    moved = sorted(node for node in known if not _same(node, known, before, after))
    if moved:
        values = ", ".join(f"{value!r} of {side}" for side, value in moved[:5])
        more = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
        return Change(where, f"{values}{more} had another partner or other equals", grave=True)
    return Change(where, "has new values", grave=False)


def _same(node: tuple[Side, str], known: set[tuple[Side, str]], before: ValueMap, after: ValueMap) -> bool:
    """Whether a value has the partner and, among the values known before, the equals that it had."""
    if before.partner(*node) != after.partner(*node):
        return False
    then, now = before.class_of(*node), after.class_of(*node)
    return all((before.class_of(*each) == then) == (after.class_of(*each) == now) for each in known)


def _edges(lines: Sequence[Mapping[str, Any]]) -> ValueMap:
    return ValueMap(Edge(tuple(line["servicenow"]), tuple(line["jira"])) for line in lines)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"

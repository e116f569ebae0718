"""What both instances know, as a file: read, written and compared; nothing is asked here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tieline.connectors.base import Side
from tieline.connectors.errors import PolicyError

if TYPE_CHECKING:
    from tieline.connectors.metadata import PlaceInfo

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Place:
    """What one side knows at one place.

    `options` are the values of each field (value -> label) that has a list, `statuses` and their `moves`, and
    `groups` by name. None: not known, so nothing is said against it.
    """

    place: str = ""
    fields: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    statuses: tuple[str, ...] = ()
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    resolutions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    create_fields: tuple[str, ...] = ()
    edit_fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What both sides know, by route."""

    routes: Mapping[str, Mapping[Side, Place]]

    def places(self, side: Side) -> list[Place]:
        """One side's places."""
        return [places[side] for places in self.routes.values() if side in places]


def place_of(info: PlaceInfo) -> Place:
    """What is kept of a place's metadata; everything in a fixed order, so that a diff shows changes only."""
    options = {
        name: dict(sorted((option.value, option.words) for option in found.options))
        for name, found in sorted(info.fields.items())
        if found.options
    }
    return Place(
        place=info.place,
        fields=tuple(sorted(info.fields)),
        options=options,
        statuses=tuple(sorted(status.name for status in info.statuses)),
        moves={
            name: tuple(sorted({move.to for move in moves})) for name, moves in sorted(info.moves.items())
        },
        resolutions=tuple(sorted(info.resolutions)),
        groups=tuple(sorted(info.groups)),
        create_fields=tuple(sorted(info.create.fields)) if info.create else (),
        edit_fields=tuple(sorted(info.edit.fields)) if info.edit else (),
        required=tuple(sorted(info.create.required)) if info.create else (),
    )


def to_json(snapshot: Snapshot) -> str:
    """The file's text."""
    routes = {
        route: {
            side: {name: _plain(getattr(place, name)) for name in Place.__dataclass_fields__}
            for side, place in sorted(places.items())
        }
        for route, places in sorted(snapshot.routes.items())
    }
    return json.dumps({"format": FORMAT, "routes": routes}, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in a file. PolicyError if there is none, or it is not one."""
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PolicyError(
            f"{path}: there is no such file; `tieline metadata pull -o {path}` makes it"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PolicyError(f"{path}: is not a snapshot of metadata ({error}); pull it again") from None


def from_json(text: str) -> Snapshot:
    """The snapshot in a text. ValueError, KeyError or TypeError if it is none."""
    data = json.loads(text)
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r}")
    return Snapshot(
        {
            route: {side: _place(entry) for side, entry in sides.items()}
            for route, sides in data["routes"].items()
        }
    )


def _place(entry: Mapping[str, Any]) -> Place:
    made: dict[str, Any] = {}
    for name, value in entry.items():
        if name not in Place.__dataclass_fields__:
            raise ValueError(f"unknown key {name!r}")
        if isinstance(value, dict):
            value = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
        made[name] = tuple(value) if isinstance(value, list) else value
    return Place(**made)


def drift(old: Snapshot, new: Snapshot) -> Iterator[str]:
    """What differs, a line each: `route/side/path: - value` for what is gone, `+ value` for what is new."""
    yield from _drift("", json.loads(to_json(old))["routes"], json.loads(to_json(new))["routes"])


def _drift(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{path}/{key}" if path else key
            if key not in new:
                yield f"- {inner}"
            elif key not in old:
                yield f"+ {inner}"
            else:
                yield from _drift(inner, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from (f"- {path}: {value}" for value in old if value not in new)
        yield from (f"+ {path}: {value}" for value in new if value not in old)
    elif old != new:
        yield f"~ {path}: {old} -> {new}"

"""What doctor asks for beyond the places themselves: files, and columns that only policy and scope read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tieline.connectors.base import SIDES, Side
from tieline.connectors.errors import ConnectorError, PolicyError
from tieline.connectors.metadata import FilesInfo, Inspector, PlaceInfo
from tieline.sync.config.model import Config, Route
from tieline.sync.setup.check_files import check_files
from tieline.sync.setup.findings import Finding

_TERM: Final = re.compile(r"(?:OR)?([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)")
"""How a term of an encoded query begins: its column, in lower case as columns are, after an OR or not."""


def check_reading(
    config: Config, route: Route, sides: Mapping[Side, Inspector], places: Mapping[Side, PlaceInfo]
) -> Iterator[Finding]:
    """The findings about one route's places that answered."""
    for side, place in places.items():
        scope = scope_columns(route.servicenow.scope) if side == "servicenow" else ()
        for code, where, names in (
            ("TD027", "policy", _watched(config, side)),
            ("TD028", f"route {route.name}, scope", scope),
        ):
            if names and place.fields:
                yield from _astray(code, f"{where}, {side}", names, sides[side], place)
    yield from _affected(config, sides, places)
    rules, told = config.attachments, dict[Side, FilesInfo]()
    if rules is None:
        return
    for side in (side for side in SIDES if side in places):
        try:
            told[side] = sides[side].files(places[side].place)
        except ConnectorError as error:
            yield Finding("TD082", places[side].place, str(error))
    named = {side: place.place for side, place in places.items()}
    roles = places["servicenow"].rights if "servicenow" in places else {}
    yield from check_files(rules, named, told, roles)


def _affected(
    config: Config, sides: Mapping[Side, Inspector], places: Mapping[Side, PlaceInfo]
) -> Iterator[Finding]:
    """Whether affected items can be read, where they are to be shown."""
    if config.links is None or not config.links.affected or "servicenow" not in places:
        return
    try:
        why = sides["servicenow"].unread()
    except ConnectorError as error:
        why = str(error)
    if why:
        yield Finding("TD072", "links.affected", why)


def scope_columns(scope: str) -> tuple[str, ...]:
    """The columns that an encoded query asks about; none of one whose values hold a ^ themselves."""
    terms = () if "^^" in scope else scope.split("^")
    met = (_TERM.match(term) for term in terms)
    return tuple(dict.fromkeys(found[1] for found in met if found))


def _watched(config: Config, side: Side) -> tuple[str, ...]:
    """What the policy reads of records and nobody mirrors; a policy with faults has a command of its own."""
    from tieline.sync.policy.load import watched

    try:
        return tuple(sorted(watched(config, side)))
    except PolicyError:
        return ()


def _astray(
    code: str, where: str, names: Sequence[str], inspector: Inspector, place: PlaceInfo
) -> Iterator[Finding]:
    try:
        found = inspector.astray(place.place, names)
    except ConnectorError as error:
        yield Finding("TD009", where, str(error))
        return
    for name, why in found.items():
        yield Finding(code, f"{where} = {name!r}", why)

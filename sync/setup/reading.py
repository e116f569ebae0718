"""What doctor asks for beyond the places themselves: files, and columns that only the policy reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tieline.connectors.base import SIDES, Side
from tieline.connectors.errors import ConnectorError, PolicyError
from tieline.connectors.metadata import FilesInfo, Inspector, PlaceInfo
from tieline.sync.config.model import Config
from tieline.sync.setup.check_files import check_files
from tieline.sync.setup.findings import Finding


def check_reading(
    config: Config, sides: Mapping[Side, Inspector], places: Mapping[Side, PlaceInfo]
) -> Iterator[Finding]:
    """The findings about one route's places that answered."""
    for side, place in places.items():
        yield from _columns(config, side, sides[side], place)
    rules, told = config.attachments, dict[Side, FilesInfo]()
    if rules is None:
        return
    for side in (side for side in SIDES if side in places):
        try:
            told[side] = sides[side].files(places[side].place)
        except ConnectorError as error:
            yield Finding("TD082", places[side].place, str(error))
    names = {side: place.place for side, place in places.items()}
    roles = places["servicenow"].rights if "servicenow" in places else {}
    yield from check_files(rules, names, told, roles)


def _columns(config: Config, side: Side, inspector: Inspector, place: PlaceInfo) -> Iterator[Finding]:
    """What the policy reads of records and nobody mirrors: columns that are not there."""
    from tieline.sync.policy.load import watched

    try:
        names = sorted(watched(config, side))
    except PolicyError:  # `tieline policy check` has the words for it
        return
    if not names or not place.fields:
        return
    try:
        astray = inspector.astray(place.place, names)
    except ConnectorError as error:
        yield Finding("TD009", f"{side}: what the policy reads", str(error))
        return
    for name, why in astray.items():
        yield Finding("TD027", f"policy, {side} = {name!r}", why)

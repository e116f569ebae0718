"""The parts of a parsed file that are right by themselves, so that what is between them can be checked.

A part that could not be read is left out; its own faults are reported elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from tieline.sync.config.conversation import Comments
from tieline.sync.config.faults import Path, Problem
from tieline.sync.config.links import Links
from tieline.sync.config.model import FieldConfig, Groups, People, Priority, Route, Status
from tieline.sync.config.sides import Jira, ServiceNow
from tieline.sync.config.values import Table

# What may be wrong without hiding a fault between settings: no check reads these values.
STAND_INS: Final[Mapping[str | int, object]] = MappingProxyType(
    {
        "url": "https://localhost",
        "user": "user",
        "password": "env:NAME",
        "token": "env:NAME",
        "client_id": "id",
        "client_secret": "env:NAME",
        "refresh_token": "env:NAME",
        "token_url": "https://localhost",
        "tokens": "jira-oauth.json",
        "api_key": "env:NAME",
        "certificate": "client.pem",
        "overlap": "1m",
        "since": date(2000, 1, 1),
        "paused": False,
        "leaves_scope": "keep",
        "direction": "both",
        "clash": "newest",
        "tie": "hold",
        "first": "hold",
        "reopen": "write",
        "default_close_notes": "-",
    }
)

T = TypeVar("T", bound=Table)


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read of a file, each element with its path.

    `field_names` are all that it names, readable or not; `no_route` is true of an empty list.
    """

    servicenow: ServiceNow | None = None
    jira: Jira | None = None
    status: Status | None = None
    priority: Priority | None = None
    people: People = field(default_factory=People)
    groups: Groups = field(default_factory=Groups)
    comments: Comments | None = None
    links: Links | None = None
    routes: tuple[tuple[Path, Route], ...] = ()
    fields: tuple[tuple[Path, FieldConfig], ...] = ()
    field_names: tuple[str, ...] = ()
    no_route: bool = False


def readable(data: dict[str, Any], found: Iterable[Problem] = ()) -> Parts:
    """The parts of a parsed file that are right by themselves, once what `found` says is put aside."""
    for problem in found:
        if problem.meant is not None or problem.path[-1] in STAND_INS:
            data = _put_aside(data, problem.path, problem.meant)
    return Parts(
        servicenow=_whole(ServiceNow, data.get("servicenow")),
        jira=_whole(Jira, data.get("jira")),
        status=_whole(Status, data.get("status")),
        priority=_whole(Priority, data.get("priority")),
        people=_whole(People, data.get("people")) or People(),
        groups=_whole(Groups, data.get("groups")) or Groups(),
        comments=_whole(Comments, data.get("comments")),
        links=_whole(Links, data.get("links")),
        routes=_elements(Route, data.get("route"), "route"),
        fields=_elements(FieldConfig, data.get("field"), "field"),
        field_names=tuple(_names(data.get("field"))),
        no_route=data.get("route") == [],
    )


def _put_aside(data: Any, path: Path, meant: str | None) -> Any:
    """A copy of `data` with a stand-in at `path`, or with the key there renamed to `meant` or left out."""
    part, *rest = path
    if rest:
        inner = _put_aside(data[part], tuple(rest), meant)
        return [*data[:part], inner, *data[part + 1 :]] if isinstance(part, int) else data | {part: inner}
    if meant is None:
        return data | {part: STAND_INS[part]}
    kept = {key: value for key, value in data.items() if key != part}
    return {meant: data[part]} | kept if meant else kept


def _names(listed: object) -> Iterator[str]:
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield entry["name"]


def _whole(table: type[T], data: object) -> T | None:
    try:
        return table.model_validate(data)
    except ValidationError:
        return None


def _elements(table: type[T], data: object, key: str) -> tuple[tuple[Path, T], ...]:
    found = enumerate(_whole(table, entry) for entry in (data if isinstance(data, list) else []))
    return tuple(((key, index), element) for index, element in found if element is not None)

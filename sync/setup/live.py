"""What doctor looks at: the configuration of one route beside what both sides tell; values, no checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieline.connectors.base import Side
from tieline.connectors.metadata import PlaceInfo
from tieline.sync.config.model import Config, FieldConfig, Route, ValueEdge


@dataclass(frozen=True, slots=True)
class Live:
    """One route beside the places that it joins."""

    config: Config
    route: Route
    servicenow: PlaceInfo
    jira: PlaceInfo

    def place(self, side: Side) -> PlaceInfo:
        """What one side told."""
        return self.servicenow if side == "servicenow" else self.jira

    @property
    def fields(self) -> tuple[FieldConfig, ...]:
        """The fields as the route mirrors them."""
        return self.config.fields_for(self.route)

    @property
    def creates_in_jira(self) -> bool:
        """Whether mirrors are made in Jira."""
        return "servicenow" in self.route.create_from


def columns(config: Config) -> tuple[str, ...]:
    """Every ServiceNow column that the configuration names."""
    names = [field.servicenow for route in config.routes for field in config.fields_for(route)]
    names += [config.servicenow.marker, config.servicenow.link]
    for group in (config.status, config.priority):
        if group is not None:
            names += [column for _, column in group.servicenow]
    return tuple(dict.fromkeys(name for name in names if name))


def values(edges: Iterable[ValueEdge], side: Side) -> tuple[str, ...]:
    """One side's values of a map, each once."""
    return tuple(dict.fromkeys(value for edge in edges for value in getattr(edge, side)))


def listing(names: Sequence[str], most: int = 6) -> str:
    """Names in quotes, the first few of many."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")

"""The configuration as frozen values: attributes are named like the keys of the file; nothing is read here.

The descriptions feed the reference in the documentation and the JSON Schema for editors. Checks that need
more than one value are in `checks`. Parts with an idea of their own are modules beside this one, which has
the whole: import any of it from here.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PrivateAttr, WithJsonSchema

from tieline.connectors.base import Side
from tieline.sync.config.attachments import Attachments
from tieline.sync.config.conversation import Comments
from tieline.sync.config.fields import FieldConfig, FieldOverride
from tieline.sync.config.links import Links
from tieline.sync.config.merging import Merging, ValueEdge
from tieline.sync.config.people import Groups, People
from tieline.sync.config.sides import Jira, Keeping, Limits, ServiceNow
from tieline.sync.config.together import (
    STOCK_MATRIX,
    Priority,
    Status,
)
from tieline.sync.config.values import (
    ByState,
    Day,
    EncodedQuery,
    Flag,
    Jql,
    Line,
    Name,
    ProjectKey,
    ServiceNowField,
    StateUrl,
    Table,
)

__all__ = [
    "STOCK_MATRIX",
    "Config",
    "FieldConfig",
    "FieldOverride",
    "Groups",
    "Hop",
    "JiraScope",
    "Merging",
    "People",
    "PolicyTables",
    "Priority",
    "Route",
    "ServiceNowScope",
    "Status",
    "ValueEdge",
]

PolicyTables = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
"""The policy as it stands in the file: `tieline.sync.policy` reads it, and tells what is wrong with it."""


class Hop(Table):
    """One step that the workflow allows."""

    from_: Line = Field(alias="from", description="Status, or state, that the step leaves.")
    to: Line = Field(description="Status, or state, that it leads to.")


class ServiceNowScope(Table):
    """Which incidents a route is about."""

    table: ServiceNowField = Field(default="incident", description="The table.")
    scope: EncodedQuery = Field(
        default="", description='An encoded query that decides what gets a mirror; "" means all.'
    )
    workflow: tuple[Hop, ...] = Field(
        default=(),
        description="Steps that ServiceNow allows between states; the usual ones of problem and "
        "change_request without any.",
    )
    give: ByState = Field(
        default={},
        validate_default=True,
        description="By state what ServiceNow demands there and Jira does not have: written with that state "
        "where the column is empty.",
    )


class JiraScope(Table):
    """Which issues a route is about."""

    project: ProjectKey = Field(description="The project's key.")
    issue_type: Line = Field(description="The issue type's name.")
    scope: Jql = Field(
        default="", description='A JQL condition that decides what gets a mirror; "" means all.'
    )
    workflow: tuple[Hop, ...] = Field(
        default=(), description="Steps between statuses, where Jira does not show its workflow."
    )


class Route(Table):
    """A ServiceNow scope and a Jira project and issue type that mirror each other."""

    name: Name = Field(description="What Tieline calls it; part of each marker, so never change it.")
    servicenow: ServiceNowScope = Field(default_factory=ServiceNowScope, description="The ServiceNow scope.")
    jira: JiraScope = Field(description="The Jira project and issue type.")
    create_from: tuple[Side, ...] = Field(
        default=("servicenow", "jira"),
        description="Incidents raised on these sides get a mirror on the other.",
    )
    since: Day = Field(description="Go-live: incidents raised before this day (UTC) are left alone.")
    paused: Flag = Field(default=False, description="Leave the whole route alone.")
    leaves_scope: Literal["keep", "freeze", "unlink"] = Field(
        default="keep",
        description="When a record leaves the scope: keep mirroring, stop writing, or undo the pair.",
    )
    field: tuple[FieldOverride, ...] = Field(
        default=(), description="What this route does differently with single fields."
    )
    without: tuple[Name, ...] = Field(
        default=(),
        description="Fields that this route leaves out, by name; also `status` and `priority`: other tables "
        "have other columns.",
    )
    status: Status | None = Field(
        default=None,
        description="As `[status]`, for this route alone: problems and changes have states of their own.",
    )


_STATUS: Final = {"servicenow", "jira", "map", "resolution"}
"""What of a status decides which values are equal."""


class Config(Table):
    """Which incidents are mirrored, and how: one file, checked as a whole."""

    installation: Name = Field(
        description="Stands in every marker: two installations never touch each other's mirrors."
    )
    state: StateUrl = Field(
        default="sqlite:///tieline.db",
        description="Where Tieline remembers: sqlite:///FILE, relative to this file, or postgresql://USER@HOST/DATABASE.",
    )
    servicenow: ServiceNow = Field(description="The ServiceNow instance.")
    jira: Jira = Field(description="The Jira site.")
    limits: Limits = Field(default_factory=Limits, description="What a pass may take on.")
    keep: Keeping = Field(default_factory=Keeping, description="How long the state keeps what is over.")
    route: tuple[Route, ...] = Field(description="What mirrors what.")
    field: tuple[FieldConfig, ...] = Field(default=(), description="Fields that are mirrored one by one.")
    status: Status | None = Field(
        default=None, description="The status and what belongs to it; left out, it is not mirrored."
    )
    priority: Priority | None = Field(default=None, description="The priority; left out, it is not mirrored.")
    people: People = Field(default_factory=People, description="How people are joined.")
    groups: Groups = Field(default_factory=Groups, description="How groups are joined.")
    links: Links | None = Field(
        default=None, description="What ties incidents to problems and changes; left out, nothing does."
    )
    comments: Comments | None = Field(
        default=None, description="What is said on both sides; left out, it is not mirrored."
    )
    attachments: Attachments | None = Field(
        default=None, description="Files; left out, they are not carried over (docs/attachments.md)."
    )
    policy: PolicyTables | None = Field(
        default=None,
        description="The policy: its tables in place, or the files to `include` (docs/policy.md).",
    )

    _path: Path = PrivateAttr(default_factory=lambda: Path("config.toml"))

    def read_from(self, path: Path) -> Config:
        """The same configuration, knowing the file that it was read from."""
        config = self.model_copy()
        config._path = path
        return config

    @property
    def path(self) -> Path:
        """The file that this was read from; relative files in it are looked up in its folder."""
        return self._path

    @property
    def routes(self) -> tuple[Route, ...]:
        """What mirrors what, in the file's order."""
        return self.route

    @property
    def fields(self) -> tuple[FieldConfig, ...]:
        """The fields that every route mirrors one by one, before a route's own changes."""
        return self.field

    @property
    def state_url(self) -> str:
        """The state's URL, a SQLite file made absolute from the configuration's folder."""
        prefix = "sqlite:///"
        if not self.state.startswith(prefix):
            return self.state
        return prefix + str((self.path.parent / self.state.removeprefix(prefix)).absolute())

    def fields_for(self, route: Route) -> tuple[FieldConfig, ...]:
        """The fields as `route` mirrors them: everybody's with its changes, then its own."""
        changes = {override.name: override for override in route.field}
        mirrored = [f for f in self.field if f.name not in route.without]
        shared = tuple(changes.pop(f.name).on(f) if f.name in changes else f for f in mirrored)
        return shared + tuple(override.on(None) for override in changes.values())

    def status_for(self, route: Route) -> Status | None:
        """The status as `route` mirrors it; None if it does not."""
        return None if "status" in route.without else route.status or self.status

    def priority_for(self, route: Route) -> Priority | None:
        """The priority as `route` mirrors it; None if it does not."""
        return None if "priority" in route.without else self.priority

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of ServiceNow that routes mirror, in the file's order."""
        return tuple(dict.fromkeys(route.servicenow.table for route in self.route))

    def mapping(self) -> dict[str, Any]:
        """What decides which values are equal, as JSON: fields of each route, maps, matrix, people, groups.

        Who wins, limits of a pass, addresses and accounts are not part of it, nor is the order of fields.
        """
        fields = {r.name: {f.name: _vocabulary(f) for f in self.fields_for(r)} for r in self.route}
        status, priority = self.status, self.priority
        mapping = {
            "fields": fields,
            "status": status and status.model_dump(include={"servicenow", "jira", "map", "resolution"}),
            "priority": priority and priority.model_dump(include={"servicenow", "jira", "matrix", "map"}),
            "people": self.people.vocabulary(),
            "groups": self.groups.model_dump(include={"map"}),
        }
        own = {r.name: r.status.model_dump(include=_STATUS) for r in self.route if r.status is not None}
        if own:
            mapping["statuses"] = own
        left_out = {r.name: [n for n in r.without if n in ("status", "priority")] for r in self.route}
        if any(left_out.values()):
            mapping["without"] = {name: sorted(names) for name, names in left_out.items() if names}
        plain: dict[str, Any] = json.loads(json.dumps(mapping))
        return plain

    def fingerprint(self) -> str:
        """A token of the mapping: two configurations with the same one find the same values equal."""
        return hashlib.sha256(json.dumps(self.mapping(), sort_keys=True).encode()).hexdigest()[:16]


def _vocabulary(field: FieldConfig) -> dict[str, Any]:
    """What of a field decides which values are equal."""
    shown = field.model_dump(include={"kind", "servicenow", "jira", "unmapped", "map"})
    if field.names is not None:
        shown["names"] = field.names.model_dump()
    return shown | {"longest": [field.longest("servicenow"), field.longest("jira")]}

"""The configuration as frozen values: attributes are named like the keys of the file; nothing is read here.

The descriptions feed the reference in the documentation and the JSON Schema for editors. Checks that need
more than one value are in `checks`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PrivateAttr, WithJsonSchema

from tieline.connectors.base import FieldKind, Side
from tieline.sync.config.attachments import Attachments
from tieline.sync.config.conversation import Comments
from tieline.sync.config.links import Links
from tieline.sync.config.sides import Jira, Keeping, Limits, ServiceNow
from tieline.sync.config.values import (
    Alternatives,
    ByState,
    Count,
    Day,
    Duration,
    EncodedQuery,
    Flag,
    JiraField,
    Jql,
    Line,
    Matches,
    Name,
    OptionalServiceNowField,
    ProjectKey,
    ServiceNowField,
    StateUrl,
    Table,
    UnknownEntity,
    lasting,
)

Direction = Literal["both", "to_jira", "to_servicenow"]
Clash = Literal["newest", "servicenow", "jira", "hold"]
Decision = Literal["servicenow", "jira", "hold"]
PolicyTables = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
"""The policy as it stands in the file: `tieline.sync.policy` reads it, and tells what is wrong with it."""

LENGTHS: Final = (
    ("line", "servicenow", 160),
    ("line", "jira", 255),
    ("text", "servicenow", 4000),
    ("text", "jira", 30_000),
)
"""Longest text by kind of field and side, in characters, as both systems come; Jira's own limit is 32,767."""

STOCK_MATRIX: Final = ((1, 2, 3), (2, 3, 4), (3, 4, 5))
"""ITIL's priority by impact (rows) and urgency (columns), as ServiceNow comes."""


class Merging(Table):
    """Which way values travel, and who wins."""

    direction: Direction = Field(default="both", description="Which way values travel.")
    clash: Clash = Field(
        default="newest", description="Who wins if both sides moved it apart; `hold` leaves it to people."
    )
    tie: Decision = Field(
        default="hold", description="Who wins where `newest` cannot tell which side was later."
    )
    first: Decision = Field(
        default="hold", description="Who wins where there is no history, as in an adopted pair."
    )


class ValueEdge(Table):
    """Values that mean the same on both sides; the first of a list is the one that Tieline writes."""

    servicenow: Alternatives = Field(description="ServiceNow's value, or several.")
    jira: Alternatives = Field(description="Jira's value, or several.")


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


class Limit(Table):
    """Longest text on each side, in characters."""

    servicenow: Count | None = Field(
        default=None,
        ge=1,
        description="Longest text in ServiceNow; as it comes, by kind: line 160, text 4000.",
    )
    jira: Count | None = Field(
        default=None, ge=1, le=32_767, description="Longest text in Jira; by kind: line 255, text 30000."
    )


class NameFields(Table):
    """Where the name of somebody stands whom that side does not know."""

    servicenow: ServiceNowField | None = Field(default=None, description="A column of ServiceNow.")
    jira: JiraField | None = Field(default=None, description="A single-line text field of Jira.")


class FieldConfig(Merging):
    """A field that is mirrored by itself."""

    name: Name = Field(description="What Tieline calls it.")
    kind: FieldKind = Field(description="How it is read and written.")
    servicenow: ServiceNowField = Field(description="Its column in ServiceNow.")
    jira: JiraField = Field(description="Its field id in Jira.")
    unmapped: Literal["hold", "pass"] = Field(
        default="hold", description="A value without a partner: hold it and say so, or pass it as it is."
    )
    map: tuple[ValueEdge, ...] = Field(
        default=(), description="Values that mean the same, where the vocabularies differ."
    )
    limit: Limit | None = Field(
        default=None, description="Longest text on each side, where it is not the usual one."
    )
    unknown: UnknownEntity | None = Field(
        default=None, description="For a person or group: what `[people]` or `[groups]` say otherwise."
    )
    names: NameFields | None = Field(
        default=None,
        description="For a person: text fields that show the name of somebody whom that side does not know.",
    )

    def longest(self, side: Side) -> int | None:
        """The longest text that `side` takes, in characters; None where length does not matter."""
        own = getattr(self.limit, side) if self.limit else None
        usual = next((length for kind, where, length in LENGTHS if (kind, where) == (self.kind, side)), None)
        return own if own is not None else usual


class FieldOverride(Table):
    """What one route does differently with a field: only the keys that differ."""

    name: Name = Field(description="Which field; a name that no `[[field]]` has adds a field to this route.")
    kind: FieldKind | None = Field(default=None, description="As in `[[field]]`.")
    servicenow: ServiceNowField | None = Field(default=None, description="As in `[[field]]`.")
    jira: JiraField | None = Field(default=None, description="As in `[[field]]`.")
    direction: Direction | None = Field(default=None, description="As in `[[field]]`.")
    clash: Clash | None = Field(default=None, description="As in `[[field]]`.")
    tie: Decision | None = Field(default=None, description="As in `[[field]]`.")
    first: Decision | None = Field(default=None, description="As in `[[field]]`.")
    unmapped: Literal["hold", "pass"] | None = Field(default=None, description="As in `[[field]]`.")
    map: tuple[ValueEdge, ...] | None = Field(default=None, description="As in `[[field]]`.")
    limit: Limit | None = Field(default=None, description="As in `[[field]]`.")
    unknown: UnknownEntity | None = Field(default=None, description="As in `[[field]]`.")
    names: NameFields | None = Field(default=None, description="As in `[[field]]`.")

    def on(self, field: FieldConfig | None) -> FieldConfig:
        """The field as the route has it; without `field`, a field of the route's own.

        Raises `pydantic.ValidationError` if a field of its own lacks a key that it needs.
        """
        changes = {key: getattr(self, key) for key in self.model_fields_set}
        return FieldConfig.model_validate(changes) if field is None else field.model_copy(update=changes)


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


class StatusServiceNow(Table):
    """The columns that make up an incident's status."""

    state: ServiceNowField = Field(default="state", description="The state.")
    hold_reason: OptionalServiceNowField = Field(
        default="hold_reason", description='Why it is on hold; "" for none.'
    )
    close_code: OptionalServiceNowField = Field(
        default="close_code", description='How it was resolved; "" for none.'
    )
    close_notes: OptionalServiceNowField = Field(
        default="close_notes", description='What was done; "" for none.'
    )


class StatusJira(Table):
    """The fields that make up an issue's status."""

    status: JiraField = Field(default="status", description="The status.")
    resolution: JiraField = Field(default="resolution", description="How it was resolved.")
    close_notes: JiraField | None = Field(
        default=None, description="What was done: a text field; left out, notes stay in ServiceNow."
    )


class Status(Merging):
    """State, hold reason, resolution, close code and close notes: they move together or not at all."""

    servicenow: StatusServiceNow = Field(
        default_factory=StatusServiceNow, description="ServiceNow's columns."
    )
    jira: StatusJira = Field(default_factory=StatusJira, description="Jira's fields.")
    reopen: Literal["write", "child", "comment"] = Field(
        default="write",
        description="A closed incident reopened in Jira: write it, open a child, or leave a comment.",
    )
    default_close_code: Line = Field(
        default="Solution provided",
        description="Close code for a resolution that the map does not know; ServiceNow demands one.",
    )
    default_close_notes: Line = Field(
        default="Resolved in Jira.", description="Close notes where Jira has none; ServiceNow demands some."
    )
    resolved: tuple[Line, ...] = Field(
        default=("6", "7"), description="States of ServiceNow in which it is resolved or closed."
    )
    canceled: tuple[Line, ...] = Field(
        default=("8",), description="Further states in which nothing more is done about it."
    )
    map: tuple[ValueEdge, ...] = Field(
        description='States and statuses that mean the same; "3/4" is state 3 with hold reason 4.'
    )
    resolution: tuple[ValueEdge, ...] = Field(
        default=(), description="Close codes and resolutions that mean the same."
    )


class PriorityServiceNow(Table):
    """The columns that make up an incident's priority."""

    impact: ServiceNowField = Field(default="impact", description="The impact.")
    urgency: ServiceNowField = Field(default="urgency", description="The urgency.")
    priority: ServiceNowField = Field(
        default="priority", description="The priority, which ServiceNow computes from the two."
    )


class Priority(Merging):
    """Impact, urgency and priority: they move together or not at all."""

    servicenow: PriorityServiceNow = Field(
        default_factory=PriorityServiceNow, description="ServiceNow's columns."
    )
    jira: JiraField = Field(default="priority", description="Jira's field.")
    matrix: tuple[tuple[Count, ...], ...] = Field(
        default=STOCK_MATRIX,
        description="ServiceNow's priority by impact 1 to 3 (rows) and urgency 1 to 3 (columns).",
    )
    map: tuple[ValueEdge, ...] = Field(description="Priorities that mean the same.")


class People(Table):
    """How people of both sides are joined."""

    match: Matches = Field(
        default=("email",),
        description='What makes two accounts one person: "email", "user_name" (Data Center) or "name" (the '
        "full name, where it is unique); of several, the first that finds one counts.",
    )
    unknown: UnknownEntity = Field(
        default="unassigned",
        description='Nobody on the other side: "unassigned", "hold", "default:ID" (an account of Jira), or '
        '"group:NAME" (unassigned, and that group of Jira has the incident, with its partner in ServiceNow).',
    )
    inactive: Literal["unknown", "use"] = Field(
        default="unknown",
        description="A partner whose account is deactivated: as if there were none, or used all the same.",
    )
    max_age: Duration = lasting("7d", "How long a found partner is believed.")
    map: tuple[ValueEdge, ...] = Field(
        default=(), description="ServiceNow user names and Jira account ids that are one person."
    )
    map_file: str = Field(
        default="",
        description="A CSV file with more of them: columns servicenow and jira, named in its first line.",
    )

    def vocabulary(self) -> dict[str, Any]:
        """What decides who is who; one way to match is written as it was when there was no other."""
        ways = self.match[0] if len(self.match) == 1 else list(self.match)
        return {"match": ways, "map": [edge.model_dump() for edge in self.map]}


class Groups(Table):
    """How groups of both sides are joined: by equal name, unless the map says otherwise."""

    unknown: UnknownEntity = Field(
        default="hold",
        description='No such group on the other side: "unassigned", "hold" or "default:NAME" (a group '
        "of Jira, and its partner in ServiceNow).",
    )
    map: tuple[ValueEdge, ...] = Field(default=(), description="Groups that are one under different names.")


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

"""Fields that are mirrored by themselves, and what a single route does differently with one."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from tieline.connectors.base import FieldKind, Side
from tieline.sync.config.merging import Clash, Decision, Direction, Merging, ValueEdge
from tieline.sync.config.values import Count, JiraField, Name, ServiceNowField, Table, UnknownEntity

LENGTHS: Final = (
    ("line", "servicenow", 160),
    ("line", "jira", 255),
    ("text", "servicenow", 4000),
    ("text", "jira", 30_000),
)
"""Longest text by kind of field and side, in characters, as both systems come; Jira's own limit is 32,767."""


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

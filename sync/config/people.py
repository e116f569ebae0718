"""How people and groups of both sides are joined, and what is done with those who have no partner."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tieline.sync.config.merging import ValueEdge
from tieline.sync.config.values import Duration, Matches, Table, UnknownEntity, lasting


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

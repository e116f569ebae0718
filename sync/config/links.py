"""How relations are mirrored, as the configuration says it: which column is which type of issue link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from tieline.connectors.base import FieldKind
from tieline.sync.config.faults import Problem, quoted
from tieline.sync.config.values import (
    ByColumn,
    Flag,
    JiraField,
    Line,
    OptionalServiceNowField,
    ServiceNowField,
    Table,
)
from tieline.sync.links.model import SERVICENOW_COLUMN, Linked, Relation

On = Literal["incident", "problem", "change"]
"""What has the relation."""

TABLE_OF: Final[dict[str, str]] = {
    "incident": "incident",
    "problem": "problem",
    "change": "change_request",
}
"""The table of what has a relation."""
TARGET_KIND: Final[dict[Relation, str]] = {
    "problem": "problem",
    "caused_by": "change",
    "cured_by": "change",
    "parent": "incident",
    "duplicate": "incident",
    "ci": "ci",
    "affected": "ci",
}
"""What kind of record each relation leads to."""


class LinkType(Table):
    """A relation: the column that holds it in ServiceNow, and the issue link that shows it in Jira."""

    relation: Linked = Field(
        description="What it means: `problem` behind the incident, change that it was `caused_by` or "
        "`cured_by`, `parent` incident, the incident that it is a `duplicate` of, `ci` that it is about."
    )
    on: On = Field(default="incident", description="Which records have it; others need a route of their own.")
    servicenow: OptionalServiceNowField = Field(
        default="", description='Its column; "" for the usual one (problem_id, caused_by, rfc, ...).'
    )
    jira: Line | None = Field(
        default=None,
        description="Name of the type of issue link; left out, Jira shows a remote link only.",
    )
    reads: Literal["inward", "outward"] = Field(
        default="inward",
        description="Which of the type's words are read on the incident's issue: `is caused by` is inward "
        "where the type's outward words are `causes`.",
    )
    remote: Flag = Field(
        default=True,
        description="Where only ServiceNow has the target, a remote link on the issue leads there.",
    )
    direction: Literal["both", "to_jira", "to_servicenow"] = Field(
        default="both", description="Which way the relation travels."
    )
    clash: Literal["hold", "servicenow", "jira"] = Field(
        default="hold",
        description="Both sides tied it to different records, and ServiceNow's column holds one: who wins; "
        "`hold` keeps ServiceNow's in the column and both in Jira, and says so.",
    )

    @property
    def column(self) -> str:
        """The column in ServiceNow; "" if none is known."""
        return self.servicenow or SERVICENOW_COLUMN.get(self.relation, "")

    @property
    def outward(self) -> bool:
        """Whether the link reads from the incident's issue to the target."""
        return self.reads == "outward"

    @property
    def leads_to(self) -> str:
        """The kind of its target."""
        return TARGET_KIND[self.relation]


class HoldColumn(Table):
    """The column of ServiceNow's incidents that its automatic closing leaves alone where it is set."""

    servicenow: ServiceNowField = Field(description="The column; the condition of your closing job asks it.")
    held: Line = Field(default="true", description="What it holds while closing is held back.")
    free: str = Field(default="false", description='What it holds otherwise; "" for nothing.')


class Links(Table):
    """What ties incidents to problems, changes and each other."""

    type: tuple[LinkType, ...] = Field(default=(), description="The relations that are mirrored.")
    affected: Flag = Field(
        default=False,
        description="The affected items of an incident (ServiceNow's table task_ci) are shown on its issue "
        "as remote links.",
    )
    look: Flag = Field(
        default=True,
        description="A pass looks by itself for what resolved incidents belong to, 100 of them at most.",
    )
    development: tuple[JiraField, ...] = Field(
        default=(),
        description="Fields of Jira that tell of commits, pull requests or deployments, such as one that "
        "your pipeline writes: what they name is evidence.",
        examples=[["customfield_10060"]],
    )
    changes: tuple[Line, ...] = Field(
        default=(),
        description="Jira's issue types that are changes: those that were resolved on a component of the "
        "incident's issue are looked for; none by default.",
        examples=[["Change"]],
    )
    hold: HoldColumn | None = Field(
        default=None,
        description="What keeps ServiceNow from closing an incident by itself while a rule of closure holds "
        "it back; without, Tieline holds back only what it would carry over itself.",
    )
    opened_with: ByColumn = Field(
        default={},
        validate_default=True,
        description="Further columns of a problem that Tieline opens, such as its assignment_group: what "
        "the column holds, as ServiceNow keeps it.",
    )

    @property
    def ties_problems(self) -> bool:
        """Whether a pass can tie an incident to its problem in ServiceNow; else none is opened for it."""
        ties = [each for each in self.type if (each.relation, each.on) == ("problem", "incident")]
        return any(each.direction != "to_jira" for each in ties)

    def columns(self, on: str) -> dict[str, str]:
        """By column of the records that `on` names, the kind of record that it leads to."""
        return {each.column: each.leads_to for each in self.type if each.on == on and each.column}

    def read_in_jira(self) -> dict[str, FieldKind]:
        """Jira's fields that are read beside the mirrored ones: what evidence is found in."""
        components: dict[str, FieldKind] = {"components": "set"} if self.changes else {}
        return {**components, **dict.fromkeys(self.development, "set")}

    def link_types(self) -> frozenset[str]:
        """The names of the types of issue links."""
        return frozenset(each.jira for each in self.type if each.jira)


def problems(links: Links) -> Iterator[Problem]:
    """Everything that is wrong between the relations."""
    columns: dict[tuple[str, str], int] = {}
    ways: dict[tuple[str, str, str, str], int] = {}
    for number, each in enumerate(links.type):
        path = ("links", "type", number)
        if not each.column:
            what = f"a {each.relation} has no column of its own in ServiceNow"
            yield Problem((*path, "relation"), what, "name one as `servicenow`", quoted(each.relation))
        elif columns.setdefault((each.on, each.column), number) != number:
            remedy = f"keep one of the two; links.type {columns[each.on, each.column] + 1} has it already"
            yield Problem((*path, "relation"), f"{each.column} holds two relations", remedy)
        if each.jira is None and not each.remote:
            remedy = "name a type of issue link as `jira`, or allow a remote link"
            yield Problem((*path, "remote"), "Jira would show nothing of it", remedy, "false")
        way = (each.on, each.jira or "", each.reads, each.leads_to)
        if each.jira and ways.setdefault(way, number) != number:
            what = f"an issue link {each.jira!r} that reads {each.reads} would be two relations"
            remedy = "use another type or direction for one of them: nothing else tells them apart"
            yield Problem((*path, "jira"), what, remedy, quoted(each.jira))

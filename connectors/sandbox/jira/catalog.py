"""What every Jira site brings along: its system fields, link types and icons; nothing of one site's own."""

from __future__ import annotations

from typing import Final

from tieline.connectors.sandbox.jira.model import Field, FieldKind, LinkType

_TYPES: Final = "com.atlassian.jira.plugin.system.customfieldtypes:"


def custom(number: int, name: str, kind: FieldKind) -> Field:
    """A custom field of one of the types that are served: one line, text area, single select, team."""
    match kind:
        case "line":
            type_, custom_type, shown = "string", "textfield", "Short text"
        case "text":
            type_, custom_type, shown = "string", "textarea", "Paragraph"
        case "team":
            type_, custom_type, shown = "team", "atlassian-team", "Team"
        case _:
            type_, custom_type, shown = "option", "select", "Dropdown"
    clauses = (f"cf[{number}]", name, f"{name}[{shown}]")
    return Field(
        f"customfield_{number}",
        name,
        type_,
        kind,
        custom=_TYPES + custom_type,
        clauses=clauses,
        orderable=True,
    )


def _person(id_: str, name: str, *, orderable: bool = True) -> Field:
    return Field(id_, name, "user", "user", clauses=(id_,), orderable=orderable)


def _list(id_: str, name: str, items: str, *clauses: str, kind: FieldKind = "fixed") -> Field:
    return Field(id_, name, "array", kind, items=items, clauses=clauses or (id_,), orderable=True)


def _dated(id_: str, name: str, *clauses: str) -> Field:
    return Field(id_, name, "datetime", clauses=clauses)


def _number(id_: str, name: str, *clauses: str) -> Field:
    return Field(id_, name, "number", clauses=clauses)


SYSTEM_FIELDS: Final[tuple[Field, ...]] = (
    _dated("statuscategorychangedate", "Status Category Changed", "statusCategoryChangedDate"),
    Field("issuetype", "Issue Type", "issuetype", clauses=("issuetype", "type"), orderable=True),
    _list("components", "Components", "component", "component", kind="components"),
    _number("timespent", "Time Spent", "timespent"),
    _number("timeoriginalestimate", "Original estimate", "originalEstimate", "timeoriginalestimate"),
    Field("project", "Project", "project", clauses=("project",)),
    Field("description", "Description", "string", "text", clauses=("description",), orderable=True),
    _list("fixVersions", "Fix versions", "version", "fixVersion"),
    _number("aggregatetimespent", "Σ Time Spent"),
    Field("statusCategory", "Status Category", "statusCategory", clauses=("statusCategory",)),
    Field("resolution", "Resolution", "resolution", "resolution", clauses=("resolution",), orderable=True),
    Field("timetracking", "Time tracking", "timetracking", orderable=True, navigable=False),
    Field("security", "Security Level", "securitylevel", clauses=("level",), orderable=True),
    _list("attachment", "Attachment", "attachment", "attachments"),
    _number("aggregatetimeestimate", "Σ Remaining Estimate"),
    _dated("resolutiondate", "Resolved", "resolutiondate", "resolved"),
    _number("workratio", "Work Ratio", "workratio"),
    Field("summary", "Summary", "string", "line", clauses=("summary",), orderable=True),
    Field("issuerestriction", "Restrict to", "issuerestriction", orderable=True, navigable=False),
    Field("watches", "Watchers", "watches", clauses=("watchers",)),
    _dated("lastViewed", "Last Viewed", "lastViewed"),
    _person("creator", "Creator", orderable=False),
    _list("subtasks", "Sub-tasks", "issuelinks", "subtasks"),
    _dated("created", "Created", "created", "createdDate"),
    _person("reporter", "Reporter"),
    Field("aggregateprogress", "Σ Progress", "progress"),
    Field("priority", "Priority", "priority", "priority", clauses=("priority",), orderable=True),
    _list("labels", "Labels", "string", kind="labels"),
    Field("environment", "Environment", "string", clauses=("environment",), orderable=True),
    _number("timeestimate", "Remaining Estimate", "remainingEstimate", "timeestimate"),
    _number("aggregatetimeoriginalestimate", "Σ Original Estimate"),
    _list("versions", "Affects versions", "version", "affectedVersion"),
    Field("duedate", "Due date", "date", clauses=("due", "duedate"), orderable=True),
    Field("progress", "Progress", "progress", clauses=("progress",)),
    _list("issuelinks", "Linked Issues", "issuelinks", "issueLink"),
    Field("votes", "Votes", "votes", clauses=("votes",)),
    Field("comment", "Comment", "comments-page", clauses=("comment",), orderable=True, navigable=False),
    _person("assignee", "Assignee"),
    Field("worklog", "Log Work", "array", items="worklog", orderable=True, navigable=False),
    _dated("updated", "Updated", "updated", "updatedDate"),
    Field("status", "Status", "status", clauses=("status",)),
    _dated("archiveddate", "Archived", "archiveddate"),
    _person("archivedby", "Archiver", orderable=False),
)
"""In the order in which an issue shows them."""

CLOUD_ONLY: Final = frozenset({"statuscategorychangedate", "statusCategory", "issuerestriction"})
"""Fields that Data Center does not have."""

SERVER_ONLY: Final = frozenset({"archiveddate", "archivedby"})
"""Fields that only Data Center has."""

NOT_NAVIGABLE: Final = frozenset({"timetracking", "attachment", "issuerestriction", "comment", "worklog"})
"""Fields that `*navigable` leaves out."""

LINK_TYPES: Final[tuple[LinkType, ...]] = (
    LinkType("10000", "Blocks", "is blocked by", "blocks"),
    LinkType("10001", "Cloners", "is cloned by", "clones"),
    LinkType("10002", "Duplicate", "is duplicated by", "duplicates"),
    LinkType("10003", "Relates", "relates to", "relates to"),
    LinkType("10004", "Problem/Incident", "is caused by", "causes"),
)
SITE_LINK_TYPES: Final[tuple[LinkType, ...]] = (
    LinkType("10005", "Cure", "is cured by", "cures"),
    LinkType("10006", "Parent/Child", "is child of", "is parent of"),
)
"""Types that an administrator of the site that is served has added."""

"""Checks who is who on one route: groups and teams, default groups, and people whose address is not shown."""

from __future__ import annotations

from collections.abc import Iterator

from tieline.connectors.base import SIDES
from tieline.connectors.metadata import FieldInfo
from tieline.sync.config.model import FieldConfig
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live, listing, values


def check_people(live: Live) -> Iterator[Finding]:
    """People and groups without a partner, as far as that shows beforehand."""
    groups = [field for field in live.fields if field.kind == "group"]
    for field in groups:
        if field.direction != "to_servicenow":
            yield from _groups(live, field)
        yield from _default(live, field, field.unknown or live.config.groups.unknown, "default:")
    for field in live.fields:
        if field.kind == "person" and groups:
            yield from _default(live, groups[0], field.unknown or live.config.people.unknown, "group:")
    yield from _hidden(live)


def _groups(live: Live, field: FieldConfig) -> Iterator[Finding]:
    info = live.jira.fields.get(field.jira)
    mapped, where = live.config.groups.map, f"field {field.name}"
    if _holds_teams(info):
        names = [name for name in values(mapped, "jira") if not any(map(str.isdigit, name))]
        if names:
            yield Finding("TD036", "groups.map", f"no ids of teams: {listing(names)}")
        left = [name for name in live.servicenow.groups if name not in values(mapped, "servicenow")]
        if left:
            yield Finding("TD034", where, f"no team for {listing(left)}")
        return
    known = {*_options(info), *values(mapped, "servicenow")}
    left = [name for name in live.servicenow.groups if name not in known]
    if _options(info) and left:
        yield Finding("TD034", where, f"no option for {listing(left)}")


def _default(live: Live, group: FieldConfig, rule: str, kind: str) -> Iterator[Finding]:
    """The group that a rule names exists in Jira, and its partner in ServiceNow."""
    if not rule.startswith(kind):
        return
    name, where = rule.removeprefix(kind), f"unknown = {rule!r}"
    info = live.jira.fields.get(group.jira)
    if _options(info) and name not in _options(info):
        yield Finding("TD037", where, f"{group.jira} has no option {name!r}")
    edges = [edge for edge in live.config.groups.map if name in edge.jira]
    partner = edges[0].servicenow[0] if edges else name
    if _holds_teams(info) and not edges:
        yield Finding("TD037", where, "no line of groups.map says which group the team is")
    elif live.servicenow.groups and partner not in live.servicenow.groups:
        yield Finding("TD037", where, f"ServiceNow shows no group {partner!r}")


def _options(info: FieldInfo | None) -> list[str]:
    return [option.value for option in info.options] if info is not None and info.listed else []


def _holds_teams(info: FieldInfo | None) -> bool:
    """Whether it is Jira's Team field, whose values are told and written by id."""
    return info is not None and info.kind == "group" and "team" in info.type


def _hidden(live: Live) -> Iterator[Finding]:
    if not any(field.kind == "person" for field in live.fields):
        return
    for side in SIDES:
        mapped = set(values(live.config.people.map, side))
        left = [n for i, n in live.place(side).hidden_people.items() if not {i, n} & mapped]
        if left:
            yield Finding("TD035", side, listing(left))

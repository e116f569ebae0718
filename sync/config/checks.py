"""What must hold between settings that are each right by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from pydantic import ValidationError

from tieline.connectors.base import Side
from tieline.sync.config import conversation, links
from tieline.sync.config.faults import Path, Problem, quoted, suggestion
from tieline.sync.config.model import FieldConfig, FieldOverride, Route, Status, ValueEdge
from tieline.sync.config.parts import Parts
from tieline.sync.config.strangers import stand_ins

LEVELS: Final = 3
"""Impact and urgency have the values 1 to 3 (ITIL; ServiceNow's priority lookup)."""

MAPPED_KINDS: Final = ("choice", "set")
MEASURED_KINDS: Final = ("line", "text")

Use = tuple[Side, str, Path, str]
"""A field of a side that something in the file claims: side, field, where, and for what."""


def problems(parts: Parts) -> Iterator[Problem]:
    """Everything that is wrong between the parts of a file."""
    for check in CHECKS:
        yield from check(parts)


def sign_in(parts: Parts) -> Iterator[Problem]:
    """Jira Cloud takes API tokens; Jira Data Center takes passwords and personal access tokens."""
    if parts.jira is None:
        return
    kinds = ("token", "oauth") if parts.jira.deployment == "cloud" else ("basic", "pat")
    if parts.jira.auth.kind not in kinds:
        what = f"does not go with deployment = {quoted(parts.jira.deployment)}"
        remedy = f"use kind = {' or '.join(map(quoted, kinds))}, or correct the deployment"
        yield Problem(("jira", "auth", "kind"), what, remedy, quoted(parts.jira.auth.kind))


def gateway(parts: Parts) -> Iterator[Problem]:
    """Atlassian's gateway answers Cloud only, and OAuth is answered by nothing else."""
    jira = parts.jira
    if jira is None:
        return
    if jira.cloud_id and jira.deployment != "cloud":
        remedy = "leave it out, or correct the deployment"
        yield Problem(("jira", "cloud_id"), "does not go with Data Center", remedy, quoted(jira.cloud_id))
    if jira.cloud_id and jira.api_url:
        yield Problem(
            ("jira", "api_url"), "says the same as cloud_id", "keep one of the two", quoted(jira.api_url)
        )
    if jira.auth.kind == "oauth" and not (jira.cloud_id or jira.api_url):
        what = "needs the site's id: OAuth is answered on Atlassian's gateway only"
        remedy = "add cloud_id, as https://SITE.atlassian.net/_edge/tenant_info shows it"
        yield Problem(("jira", "auth", "kind"), what, remedy, quoted("oauth"))


def names(parts: Parts) -> Iterator[Problem]:
    """Each route and each field has a name of its own; `Ops` and `ops` are one name."""
    yield from _twice([(path, route.name) for path, route in parts.routes])
    yield from _twice([(path, field.name) for path, field in parts.fields])
    for path, route in parts.routes:
        yield from _twice([((*path, "field", n), override.name) for n, override in enumerate(route.field)])


def _twice(named: Iterable[tuple[Path, str]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, name in named:
        if name.lower() in seen:
            yield Problem((*path, "name"), "is taken already", "choose another name", quoted(name))
        seen.add(name.lower())


def routes(parts: Parts) -> Iterator[Problem]:
    """There is a route, and no incident belongs to two."""
    if parts.no_route:
        yield Problem(("route",), "is empty", "add a [[route]]")
    for (_, one), (path, two) in combinations(parts.routes, 2):
        remedy = "narrow both with `scope`, or make them one route"
        if _one_jira(one, two):
            what = f"overlaps the Jira side of route {quoted(one.name)}"
            yield Problem((*path, "jira"), what, remedy, quoted(f"{two.jira.project}/{two.jira.issue_type}"))
        if _one_servicenow(one, two):
            what = f"overlaps the ServiceNow side of route {quoted(one.name)}"
            yield Problem((*path, "servicenow"), what, remedy, quoted(two.servicenow.table))
    for path, route in parts.routes:
        if len(set(route.create_from)) < len(route.create_from):
            yield Problem((*path, "create_from"), "names a side twice", "name each side once")


def _one_jira(one: Route, two: Route) -> bool:
    """Whether the same issue may be in both; two different conditions are believed to be apart."""
    same = (one.jira.project.lower(), one.jira.issue_type.lower()) == (
        two.jira.project.lower(),
        two.jira.issue_type.lower(),
    )
    return same and _not_apart(one.jira.scope, two.jira.scope)


def _one_servicenow(one: Route, two: Route) -> bool:
    """Whether both routes would mirror the same incident; the scope decides creation only."""
    creating = "servicenow" in one.create_from and "servicenow" in two.create_from
    same = one.servicenow.table == two.servicenow.table
    return creating and same and _not_apart(one.servicenow.scope, two.servicenow.scope)


def _not_apart(one: str, two: str) -> bool:
    return not one.strip() or not two.strip() or " ".join(one.split()) == " ".join(two.split())


def claims(parts: Parts) -> Iterator[Problem]:
    """Each field of a side is mirrored once, and the marker and the link stand in none that is."""
    shared = [use for path, field in parts.fields for use in _field_uses(path, field)]
    base = [*_fixed_uses(parts), *shared]
    yield from _claimed_twice(base, within=())
    for path, route in parts.routes:
        if route.field:
            changed = {override.name for override in route.field}
            kept = [
                use
                for at, field in parts.fields
                if field.name not in changed
                for use in _field_uses(at, field)
            ]
            own = [use for at, field in _overridden(parts, path, route) for use in _field_uses(at, field)]
            yield from _claimed_twice([*_fixed_uses(parts), *kept, *own], within=path)


def _fixed_uses(parts: Parts) -> Iterator[Use]:
    """What the marker, the link, the status and the priority claim."""
    if parts.servicenow:
        yield "servicenow", parts.servicenow.marker, ("servicenow", "marker"), "the marker"
        yield "servicenow", parts.servicenow.link, ("servicenow", "link"), "the link"
    if parts.jira:
        yield "jira", parts.jira.marker, ("jira", "marker"), "the marker"
    if parts.status:
        for key, column in parts.status.servicenow:
            yield "servicenow", column, ("status", "servicenow", key), "the status"
        for key, name in parts.status.jira:
            yield "jira", name or "", ("status", "jira", key), "the status"
    if parts.priority:
        for key, column in parts.priority.servicenow:
            yield "servicenow", column, ("priority", "servicenow", key), "the priority"
        yield "jira", parts.priority.jira, ("priority", "jira"), "the priority"


def _field_uses(path: Path, field: FieldConfig) -> tuple[Use, ...]:
    label = f"the field {quoted(field.name)}"
    uses: list[Use] = [
        ("servicenow", field.servicenow, (*path, "servicenow"), label),
        ("jira", field.jira, (*path, "jira"), label),
    ]
    if field.names is not None:
        named = f"the names of {label}"
        uses.append(("servicenow", field.names.servicenow or "", (*path, "names", "servicenow"), named))
        uses.append(("jira", field.names.jira or "", (*path, "names", "jira"), named))
    return tuple(uses)


def _claimed_twice(uses: Iterable[Use], within: Path) -> Iterator[Problem]:
    owners: dict[tuple[Side, str], str] = {}
    for side, name, path, label in uses:
        owner = owners.get((side, name))
        if owner and path[: len(within)] == within:
            yield Problem(
                path, f"is used by {owner} already", "name another field, or remove one", quoted(name)
            )
        if name:
            owners.setdefault((side, name), label)


def overrides(parts: Parts) -> Iterator[Problem]:
    """A route's own field is complete, and a changed one is still sound."""
    for path, route in parts.routes:
        for number, override in enumerate(route.field):
            if override.name not in parts.field_names and not _stands_alone(override):
                at = (*path, "field", number, "name")
                near = suggestion(override.name, parts.field_names)
                remedy = f"{near} A field of its own needs kind, servicenow and jira"
                yield Problem(at, "names no field", remedy, quoted(override.name))
        for at, field in _overridden(parts, path, route):
            yield from _sound(at, field)


def kinds(parts: Parts) -> Iterator[Problem]:
    """A side's field is read and written in one way, whichever route it is mirrored by."""
    known: dict[tuple[Side, str], FieldConfig] = {}
    for _, field in parts.fields:
        known |= {("servicenow", field.servicenow): field, ("jira", field.jira): field}
    for path, route in parts.routes:
        for at, field in _overridden(parts, path, route):
            for side, name, where, _ in _field_uses(at, field):
                other = known.setdefault((side, name), field)
                if other.kind != field.kind:
                    what = f"has kind = {quoted(other.kind)} elsewhere"
                    yield Problem(where, what, "give it the same kind everywhere", quoted(name))


def _overridden(parts: Parts, path: Path, route: Route) -> Iterator[tuple[Path, FieldConfig]]:
    """The fields that `route` changes or adds, as it mirrors them, with the place of the change."""
    shared = {field.name: field for _, field in parts.fields}
    for number, override in enumerate(route.field):
        if override.name in shared or _stands_alone(override):
            yield (*path, "field", number), override.on(shared.get(override.name))


def _stands_alone(override: FieldOverride) -> bool:
    try:
        override.on(None)
    except ValidationError:
        return False
    return True


def fields(parts: Parts) -> Iterator[Problem]:
    """Each field's settings go with its kind."""
    for path, field in parts.fields:
        yield from _sound(path, field)


def _sound(path: Path, field: FieldConfig) -> Iterator[Problem]:
    if field.map and field.kind not in MAPPED_KINDS:
        remedy = "leave it out: only a choice or a set has one; see [people] and [groups] for theirs"
        yield Problem((*path, "map"), f"does not go with kind = {quoted(field.kind)}", remedy)
    if not field.map and field.kind in MAPPED_KINDS and field.unmapped == "hold":
        remedy = 'add a map, or unmapped = "pass" if both sides use the same words'
        yield Problem((*path, "map"), "is missing, so that every value would be held", remedy, at="key")
    if field.limit and field.kind not in MEASURED_KINDS:
        remedy = "leave it out: only a line or a text has a length"
        yield Problem((*path, "limit"), f"does not go with kind = {quoted(field.kind)}", remedy)

    if field.unknown and field.kind not in ("person", "group"):
        remedy = "leave it out: only a person or a group may be unknown"
        yield Problem((*path, "unknown"), f"does not go with kind = {quoted(field.kind)}", remedy)
    if field.names and field.kind != "person":
        remedy = "leave it out: only a person has a name that can be kept in text"
        yield Problem((*path, "names"), f"does not go with kind = {quoted(field.kind)}", remedy)


def maps(parts: Parts) -> Iterator[Problem]:
    """No map says the same thing twice. A value in several lines is fine: it joins them into one class."""
    found: list[tuple[Path, Sequence[ValueEdge]]] = [
        *(((*path, "map"), field.map) for path, field in parts.fields),
        *(
            ((*path, "field", number, "map"), override.map or ())
            for path, route in parts.routes
            for number, override in enumerate(route.field)
        ),
        (("people", "map"), parts.people.map),
        (("groups", "map"), parts.groups.map),
    ]
    if parts.status:
        found += [(("status", "map"), parts.status.map), (("status", "resolution"), parts.status.resolution)]
    if parts.priority:
        found.append((("priority", "map"), parts.priority.map))
    for path, edges in found:
        yield from _said_twice(path, edges)


def _said_twice(path: Path, edges: Sequence[ValueEdge]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for number, edge in enumerate(edges):
        joined = [(ours, theirs) for ours in edge.servicenow for theirs in edge.jira]
        again = next((pair for pair in joined if pair in seen), None)
        if again:
            value = f"{quoted(again[0])} and {quoted(again[1])}"
            yield Problem(
                (*path, number), "says again what a line above says", "remove one of the two", value
            )
        seen.update(joined)


def status(parts: Parts) -> Iterator[Problem]:
    """The status map can be read both ways, and what ServiceNow demands of a resolution is there."""
    if parts.status is None:
        return
    if not parts.status.map:
        yield Problem(("status", "map"), "is empty", "map each state, or remove [status]")
    for number, edge in enumerate(parts.status.map):
        for state in edge.servicenow:
            if not re.fullmatch(r"[^/\s]+(/[^/\s]+)?", state):
                remedy = 'write the state\'s value, with a hold reason after a slash: "2" or "3/4"'
                yield Problem(
                    ("status", "map", number, "servicenow"), "is not a state", remedy, quoted(state)
                )
    yield from _close_code(parts.status)
    for path, route in parts.routes:
        yield from _workflow(parts.status, path, route)


def _close_code(status: Status) -> Iterator[Problem]:
    codes = [code for edge in status.resolution for code in edge.servicenow]
    if codes and status.default_close_code not in codes:
        remedy = suggestion(status.default_close_code, codes)
        value = quoted(status.default_close_code)
        yield Problem(("status", "default_close_code"), "is not in the resolution map", remedy, value)


def _workflow(status: Status, path: Path, route: Route) -> Iterator[Problem]:
    """A workflow that is written down has every status that the map names."""
    known = {name for hop in route.jira.workflow for name in (hop.from_, hop.to)}
    mapped = dict.fromkeys(name for edge in status.map for name in edge.jira)
    for name in mapped if known else ():
        if name not in known:
            what = "has no step to or from a status of [status].map"
            remedy = f"add the steps, or correct the name: {suggestion(name, sorted(known))}"
            yield Problem((*path, "jira", "workflow"), what, remedy, quoted(name))


def priority(parts: Parts) -> Iterator[Problem]:
    """The matrix gives each impact and urgency a priority, and the map knows it."""
    if parts.priority is None:
        return
    rows = parts.priority.matrix
    if len(rows) != LEVELS or any(len(row) != LEVELS for row in rows):
        remedy = "write 3 rows (impact) of 3 priorities (urgency)"
        yield Problem(("priority", "matrix"), "is not 3 by 3", remedy)
    known = {value for edge in parts.priority.map for value in edge.servicenow}
    given = [str(level) for level in sorted({level for row in rows for level in row})]
    lacking = [quoted(level) for level in given if level not in known]
    if lacking:
        what = "does not map every priority that the matrix gives"
        remedy = f"add {{ servicenow = {lacking[0]}, jira = ... }}"
        yield Problem(("priority", "map"), what, remedy, f"without {', '.join(lacking)}")


def relations(parts: Parts) -> Iterator[Problem]:
    """Each relation has a column of its own, and a way to be shown that tells it from the others."""
    if parts.links is None:
        return
    yield from links.problems(parts.links)
    mirrored = {route.servicenow.table for _, route in parts.routes}
    for number, each in enumerate(parts.links.type):
        table = links.TABLE_OF[each.on]
        if each.on != "incident" and table not in mirrored:
            remedy = f"add a [[route]] whose table is {quoted(table)}, or take the relation out"
            yield Problem(
                ("links", "type", number, "on"), f"no route mirrors {table}", remedy, quoted(each.on)
            )


def comments(parts: Parts) -> Iterator[Problem]:
    """Nothing internal becomes public, and the lines above entries can be written."""
    if parts.comments is not None:
        yield from conversation.problems(parts.comments)


CHECKS: Final[tuple[Callable[[Parts], Iterator[Problem]], ...]] = (
    sign_in, gateway, names, routes, claims, overrides, kinds, fields, stand_ins, maps, status, priority,
    comments, relations,
)  # fmt: skip

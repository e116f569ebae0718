"""From the configuration of one route to its units: what is mirrored there, and by which rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from tieline.connectors.base import SIDES, FieldKind, Move, Side
from tieline.sync.config.model import Config, FieldConfig, Merging, Priority, Route, Status, ValueEdge
from tieline.sync.crowd import NamedUnit, PeopleUnit
from tieline.sync.entities import EntityUnit
from tieline.sync.groups import PriorityUnit, StatusUnit, matrix_of
from tieline.sync.mapping import ChoiceUnit, Edge, Rules, SetUnit, TextUnit, Unit, ValueMap
from tieline.sync.statehops import StateMachine, state_machine


@dataclass(frozen=True)
class Vocabulary:
    """The units of one route, and the places it joins."""

    route: str
    table: str
    project: str
    issue_type: str
    units: tuple[Unit, ...]
    status: StatusUnit | None = None
    workflow: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)
    """Transitions that the configuration names, by status; their ids are learned when an issue shows them."""

    @property
    def about_incidents(self) -> bool:
        """Whether the route mirrors incidents; the policy has no say about problems and changes."""
        return self.table not in ("problem", "change_request")

    def place(self, side: Side) -> str:
        """Where the route's records live, as `Record.place` tells it."""
        return self.table if side == "servicenow" else f"{self.project}/{self.issue_type}"

    def creates(self, side: Side, unit: Unit) -> bool:
        """Whether a create on this side can set the unit.

        In Jira a status is only reached by transitions, and watchers come to an issue that is there.
        """
        return unit.flows(side) and not (side == "jira" and (unit is self.status or WATCHERS in unit.jira))


WATCHERS: Final = "watches"
"""Jira's field of watchers."""
NO_LIMIT: Final = 1_000_000
"""Longer than any text that either side takes."""


def vocabulary(config: Config, route: Route) -> Vocabulary:
    """The vocabulary of one route."""
    mine, priority = config.status_for(route), config.priority_for(route)
    status = None if mine is None else replace(_status(mine), machine=machine_of(route))
    units: list[Unit] = [_unit(mirrored, config) for mirrored in config.fields_for(route)]
    units.extend([] if status is None else [status])
    units.extend([] if priority is None else [_priority(priority)])
    return Vocabulary(
        route=route.name,
        table=route.servicenow.table,
        project=route.jira.project,
        issue_type=route.jira.issue_type,
        units=tuple(units),
        status=status,
        workflow=_workflow(route, status),
    )


def field_kinds(config: Config, side: Side, table: str | None = None) -> Mapping[str, FieldKind]:
    """Every own-side field that any route mirrors, with how the connector reads and writes it.

    With `table` only those of the routes of that table of ServiceNow.
    """
    kinds: dict[str, FieldKind] = {}
    for route in config.routes:
        if table is None or route.servicenow.table == table:
            kinds.update(_kinds(config, route, side))
    return kinds


def _kinds(config: Config, route: Route, side: Side) -> Mapping[str, FieldKind]:
    """The own-side fields of one route."""
    kinds: dict[str, FieldKind] = {
        mirrored.servicenow if side == "servicenow" else mirrored.jira: mirrored.kind
        for mirrored in config.fields_for(route)
    }
    for mirrored in config.fields_for(route):
        column = None if mirrored.names is None else getattr(mirrored.names, side)
        kinds.update({column: "line"} if column else {})
    status, priority = config.status_for(route), config.priority_for(route)
    groups: list[Unit] = [] if status is None else [_status(status)]
    groups.extend([] if priority is None else [_priority(priority)])
    for unit in groups:
        kinds.update(dict.fromkeys(unit.fields(side), "choice"))
    if status is not None:
        notes = status.servicenow.close_notes, status.jira.close_notes
        kinds.update({n: "text" for s, n in zip(SIDES, notes, strict=True) if s == side and n})
        kinds.update(dict.fromkeys(_demanded(route, status) if side == "servicenow" else (), "line"))
    return kinds


def _demanded(route: Route, status: Status) -> frozenset[str]:
    """What is read of ServiceNow's records to know the way to a state, where Tieline writes states."""
    return machine_of(route).columns if status.direction != "to_jira" else frozenset()


def machine_of(route: Route) -> StateMachine:
    """Which steps ServiceNow allows between the states of a route's table."""
    table = route.servicenow
    steps = [(hop.from_, hop.to) for hop in table.workflow]
    return state_machine(table.table, steps, {state: dict(gives) for state, gives in table.give.items()})


def _edges(edges: Iterable[ValueEdge]) -> ValueMap:
    return ValueMap(Edge(edge.servicenow, edge.jira) for edge in edges)


def _workflow(route: Route, status: StatusUnit | None) -> Mapping[str, tuple[Move, ...]]:
    moves: dict[str, tuple[Move, ...]] = {}
    for hop in route.jira.workflow:
        class_ = None if status is None else status.map.class_of("jira", hop.to)
        done = status is not None and class_ is not None and status.ends(class_)
        moves[hop.from_] = (*moves.get(hop.from_, ()), Move("", hop.to, done))
    return moves


def _rules(merging: Merging) -> Rules:
    return Rules(merging.direction, merging.clash, merging.tie, merging.first)


def _unit(mirrored: FieldConfig, config: Config) -> Unit:
    name, servicenow, jira = mirrored.name, (mirrored.servicenow,), (mirrored.jira,)
    rules, passes = _rules(mirrored), mirrored.unmapped == "pass"
    match mirrored.kind:
        case "line" | "text":
            limits = {side: mirrored.longest(side) or NO_LIMIT for side in SIDES}
            return TextUnit(name, servicenow, jira, rules, single_line=mirrored.kind == "line", limits=limits)
        case "choice":
            return ChoiceUnit(name, servicenow, jira, rules, map=_edges(mirrored.map), pass_unmapped=passes)
        case "set":
            return SetUnit(name, servicenow, jira, rules, map=_edges(mirrored.map), pass_unmapped=passes)
        case "people":
            return PeopleUnit(name, servicenow, jira, rules)
        case "person":
            return _person(mirrored, rules, mirrored.unknown or _unknown(mirrored, config))
        case "group":
            unknown = mirrored.unknown or config.groups.unknown
            several = mirrored.jira == "components"
            return EntityUnit(name, servicenow, jira, rules, kind="group", unknown=unknown, several=several)
        case _:
            assert_never(mirrored.kind)


def _unknown(mirrored: FieldConfig, config: Config) -> str:
    """What `[people]` says of unknown people: a group takes over from assignees, and from nobody else."""
    rule = config.people.unknown
    assigned = mirrored.jira == "assignee" or mirrored.servicenow == "assigned_to"
    return "unassigned" if rule.startswith("group:") and not assigned else rule


def _person(mirrored: FieldConfig, rules: Rules, unknown: str) -> Unit:
    names: dict[Side, str] = {
        side: column
        for side in SIDES
        if mirrored.names is not None and (column := getattr(mirrored.names, side))
    }
    ours = tuple(filter(None, (mirrored.servicenow, names.get("servicenow"))))
    theirs = tuple(filter(None, (mirrored.jira, names.get("jira"))))
    if not names:
        return EntityUnit(mirrored.name, ours, theirs, rules, kind="person", unknown=unknown)
    return NamedUnit(mirrored.name, ours, theirs, rules, kind="person", unknown=unknown, names=names)


def _status(status: Status) -> StatusUnit:
    sn, jira = status.servicenow, status.jira
    return StatusUnit(
        name="status",
        servicenow=tuple(n for n in (sn.state, sn.hold_reason, sn.close_code, sn.close_notes) if n),
        jira=tuple(n for n in (jira.status, jira.resolution, jira.close_notes) if n),
        rules=_rules(status),
        state=sn.state,
        hold_reason=sn.hold_reason,
        close_code=sn.close_code,
        close_notes=sn.close_notes,
        status=jira.status,
        resolution=jira.resolution,
        notes=jira.close_notes or "",
        map=_edges(status.map),
        resolutions=_edges(status.resolution),
        default_close_code=status.default_close_code,
        default_close_notes=status.default_close_notes,
        reopen=status.reopen,
        resolved=frozenset(status.resolved),
        canceled=frozenset(status.canceled),
    )


def _priority(priority: Priority) -> PriorityUnit:
    sn = priority.servicenow
    return PriorityUnit(
        name="priority",
        servicenow=(sn.impact, sn.urgency, sn.priority),
        jira=(priority.jira,),
        rules=_rules(priority),
        impact=sn.impact,
        urgency=sn.urgency,
        priority=sn.priority,
        jira_priority=priority.jira,
        matrix=matrix_of(priority.matrix),
        map=_edges(priority.map),
    )

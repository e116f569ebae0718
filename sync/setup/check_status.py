"""Checks status, resolution and priority of one route against the live lists and the workflow as seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tieline.connectors.base import Move, Side
from tieline.sync.config.model import Priority, Status
from tieline.sync.setup.check_fields import missing
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live, listing, values
from tieline.sync.workflow import Workflow


def check_status(live: Live) -> Iterator[Finding]:
    """States, statuses, transitions, resolutions and priorities."""
    if live.config.status is not None:
        status = live.config.status
        yield from _fields(live, status)
        yield from _states(live, status)
        yield from _statuses(live, status)
        yield from _ways(live, status)
        yield from _transition_screens(live, status)
        yield from _resolutions(live, status)
    if live.config.priority is not None:
        yield from _priorities(live, live.config.priority)
        yield from _matrix(live, live.config.priority)


def _fields(live: Live, status: Status) -> Iterator[Finding]:
    for key, column in status.servicenow:
        if missing(live.servicenow, column):
            yield Finding("TD020", f"status.servicenow.{key}", f"{live.servicenow.place} has no {column}")
    for key, name in status.jira:
        if name and missing(live.jira, name):
            yield Finding("TD020", f"status.jira.{key}", f"Jira has no field {name}")


def _states(live: Live, status: Status) -> Iterator[Finding]:
    states = [option.value for option in live.servicenow.options(status.servicenow.state)]
    holds = [option.value for option in live.servicenow.options(status.servicenow.hold_reason)]
    tokens = values(status.map, "servicenow")
    absent = [
        token
        for token in tokens
        for state, _, reason in [token.partition("/")]
        if (states and state not in states) or (reason and holds and reason not in holds)
    ]
    if absent:
        yield Finding("TD040", "status.map", f"{live.servicenow.place} has no state {listing(absent)}")
    left = [state for state in states if state not in tokens]
    if left:
        yield Finding("TD042", "status.map", f"no line for the state {listing(left)}")


def _statuses(live: Live, status: Status) -> Iterator[Finding]:
    known = [each.name for each in live.jira.statuses]
    mapped = values(status.map, "jira")
    absent = [name for name in mapped if known and name not in known]
    if absent:
        yield Finding("TD041", "status.map", f"{live.jira.place} has no status {listing(absent)}")
    left = [name for name in known if name not in mapped]
    if left:
        yield Finding("TD042", "status.map", f"no line for Jira's status {listing(left)}")


# Workflow


def _ways(live: Live, status: Status) -> Iterator[Finding]:
    """Each status that is written can be reached, as far as issues and the configuration show."""
    if status.direction == "to_servicenow":
        return
    moves = _moves(live)
    known = [each.name for each in live.jira.statuses]
    unseen = [name for name in known if name not in moves]
    if unseen:
        yield Finding("TD044", live.jira.place, f"no issue stands in {listing(unseen)}")
    graph = Workflow(moves)
    for target in dict.fromkeys(edge.jira[0] for edge in status.map if edge.jira[0] in known):
        cut_off = [name for name in known if name in moves and graph.path(name, [target]) is None]
        reached = any(move.to == target for each in moves.values() for move in each)
        if (cut_off and not unseen) or (not unseen and not reached):
            yield Finding("TD043", f"status.map, {target!r}", f"from {listing(cut_off)} there is no way")


def _moves(live: Live) -> dict[str, tuple[Move, ...]]:
    """The transitions that are configured, and those that issues show."""
    done = {each.name for each in live.jira.statuses if each.category == "done"}
    moves: dict[str, tuple[Move, ...]] = {}
    for hop in live.route.jira.workflow:
        moves[hop.from_] = (*moves.get(hop.from_, ()), Move("", hop.to, hop.to in done))
    return {**moves, **live.jira.moves}


def _transition_screens(live: Live, status: Status) -> Iterator[Finding]:
    """What transitions to mapped statuses ask for is what Tieline sends: resolution and close notes."""
    sent = {status.jira.resolution, status.jira.close_notes} | {f.jira for f in live.fields}
    mapped = set(values(status.map, "jira"))
    silent: list[str] = []
    for start, moves in live.jira.moves.items():
        for move in moves:
            where = f"{start} -> {move.to}"
            lacking = sorted(move.required - sent)
            if move.to in mapped and lacking:
                yield Finding("TD045", where, f"its screen requires {', '.join(lacking)}")
            if move.to in mapped and move.done and not _is_done(live, start):
                silent += [] if status.jira.resolution in move.fields else [where]
    if silent and status.resolution:
        yield Finding("TD048", live.jira.place, f"no resolution on the screen of {', '.join(silent)}")


def _is_done(live: Live, name: str) -> bool:
    return any(each.name == name and each.category == "done" for each in live.jira.statuses)


# Lists


def _resolutions(live: Live, status: Status) -> Iterator[Finding]:
    known = live.jira.resolutions
    absent = [name for name in values(status.resolution, "jira") if known and name not in known]
    if absent:
        yield Finding("TD046", "status.resolution", f"Jira has no resolution {listing(absent)}")
    codes = [option.value for option in live.servicenow.options(status.servicenow.close_code)]
    wanted = dict.fromkeys([*values(status.resolution, "servicenow"), status.default_close_code])
    unknown = [code for code in wanted if codes and code not in codes]
    if unknown:
        yield Finding("TD047", "status.resolution", f"close_code has no {listing(unknown)}")


def _priorities(live: Live, priority: Priority) -> Iterator[Finding]:
    ours = [option.value for option in live.servicenow.options(priority.servicenow.priority)]
    theirs = [option.value for option in live.jira.options(priority.jira)]
    lists: Mapping[Side, list[str]] = {"servicenow": ours, "jira": theirs}
    for side, known in lists.items():
        mapped = values(priority.map, side)
        if absent := [value for value in mapped if known and value not in known]:
            yield Finding("TD050", "priority.map", f"{side} has no priority {listing(absent)}")
        if left := [value for value in known if value not in mapped]:
            yield Finding("TD052", "priority.map", f"no line for {side}'s {listing(left)}")


def _matrix(live: Live, priority: Priority) -> Iterator[Finding]:
    """What ServiceNow computes, where its rules or recent incidents show it."""
    wrong: list[str] = []
    for (impact, urgency), level in sorted(live.servicenow.matrix.items()):
        row, column = _number(impact), _number(urgency)
        rows: Sequence[Sequence[int]] = priority.matrix
        if 0 <= row < len(rows) and 0 <= column < len(rows[row]) and str(rows[row][column]) != level:
            wrong.append(f"impact {impact} and urgency {urgency} give {level}, not {rows[row][column]}")
    if wrong:
        yield Finding("TD051", "priority.matrix", "; ".join(wrong))


def _number(level: str) -> int:
    return int(level) - 1 if level.isdecimal() else -1

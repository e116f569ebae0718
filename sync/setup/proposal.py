"""Proposes a whole configuration for one route from what both sides tell; pure, and open about gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.metadata import Option, PlaceInfo, PlaceName
from tieline.sync.config.model import STOCK_MATRIX
from tieline.sync.setup.fields import FieldLine, Gap, find_marker, find_notes, on_screens, propose_fields
from tieline.sync.setup.likeness import Line, likeness
from tieline.sync.setup.relations import RelationLine, propose_relations
from tieline.sync.setup.status import Resolutions, priority_lines, resolution_lines, status_lines

LEVELS: Final = ("1", "2", "3")
_STOCK_LEVELS: Final = ("Critical", "High", "Moderate", "Low", "Planning")
_STOCK_STATES: Final = (
    ("1", "New"), ("2", "In Progress"), ("3", "On Hold"), ("6", "Resolved"), ("7", "Closed"),
    ("8", "Canceled"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatusProposal:
    """The `[status]` table. `notes` is Jira's field for close notes, "" for none."""

    lines: tuple[Line, ...]
    resolutions: Resolutions
    resolution: bool
    notes: str


@dataclass(frozen=True, slots=True)
class PriorityProposal:
    """The `[priority]` table. `source` says where the matrix comes from."""

    lines: tuple[Line, ...]
    matrix: tuple[tuple[int, ...], ...]
    source: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a configuration for one table and one project's issue type may say."""

    table: str
    project: str
    issue_type: str
    marker: str
    fields: tuple[FieldLine, ...]
    groups: tuple[Line, ...]
    status: StatusProposal | None
    priority: PriorityProposal | None
    gaps: tuple[Gap, ...]
    relations: tuple[RelationLine, ...] = ()


def rank_places(places: Sequence[PlaceName]) -> list[PlaceName]:
    """Places by how much their issue type, and then their name, sounds like incidents."""

    def score(place: PlaceName) -> float:
        kind = place.place.rpartition("/")[2]
        return max(likeness(kind, word) for word in ("incident", "[system] incident", "ticket")) + (
            likeness(place.label, "operations incident") / 1000
        )

    return sorted(places, key=lambda place: -score(place))


def propose(servicenow: PlaceInfo, jira: PlaceInfo, marker: str = "") -> Proposal:
    """Everything that can be told from metadata; `marker` is the field for marks, if it is chosen."""
    gaps: list[Gap] = []
    marker = marker or _marker(jira, gaps)
    notes = find_notes(jira)
    status = _status(servicenow, jira, notes, gaps)
    priority = _priority(servicenow, jira, gaps)
    found = propose_fields(servicenow, jira, {marker, notes, "priority", "status", "resolution"} - {""})
    project, _, issue_type = jira.place.partition("/")
    gaps += found.gaps
    gaps += [Gap(f"{name} could not be read: {why}", _UNSEEN) for name, why in _told(servicenow, jira)]
    return Proposal(
        servicenow.place,
        project,
        issue_type,
        marker,
        found.fields,
        found.groups,
        status,
        priority,
        tuple(gaps),
        propose_relations(servicenow, jira),
    )


_UNSEEN: Final = (
    "give the account the right to read it and run `tieline init` again, or check the maps by hand"
)
_OPTIONAL: Final = frozenset(
    {"sys_db_object", "sys_user_has_role", "dl_u_priority", "the edit screen", "our permissions", ""}
)
"""What a proposal does without."""


def _told(*places: PlaceInfo) -> list[tuple[str, str]]:
    return [(n, why) for place in places for n, why in place.unseen.items() if n not in _OPTIONAL]


def _marker(jira: PlaceInfo, gaps: list[Gap]) -> str:
    found = find_marker(jira)
    if found:
        return found
    remedy = (
        "make a single-line text field such as 'Tieline marker', put it on the create and edit screens, "
        "and set jira.marker to its id"
    )
    if not on_screens(jira, "labels"):
        gaps.append(Gap("no field for the marker, and labels are not on the create screen", remedy))
    else:
        gaps.append(Gap("no field for the marker: mirrors will carry a label", f"if that disturbs, {remedy}"))
    return "labels"


def _status(servicenow: PlaceInfo, jira: PlaceInfo, notes: str, gaps: list[Gap]) -> StatusProposal | None:
    if not jira.statuses:
        gaps.append(Gap("Jira shows no statuses of this issue type", "write the [status] table by hand"))
        return None
    states = servicenow.options("state") or tuple(Option(v, label) for v, label in _STOCK_STATES)
    lines = status_lines(states, servicenow.options("hold_reason"), jira.statuses)
    resolutions = resolution_lines(servicenow.options("close_code"), jira.resolutions)
    gaps += [
        Gap(f"status: {' and '.join(line.servicenow)} as {' and '.join(line.jira)} is a guess",
            "look at that line of [status].map: statuses in one line cannot be told apart")
        for line in lines if line.guess
    ]  # fmt: skip
    gaps += [
        Gap(f"resolution: {', '.join(line.servicenow)} as {line.jira[0]!r} is partly a guess",
            "look at that line of [status].resolution")
        for line in resolutions.lines if line.guess
    ]  # fmt: skip
    mapped = {token for line in lines for token in line.servicenow}
    if left := [state.words for state in states if state.value not in mapped]:
        words = f"status: the workflow has nothing for {', '.join(left)}"
        gaps.append(Gap(words, "add a status to the workflow, or the state to a line of [status].map"))
    if not notes:
        gaps.append(Gap("close notes have no text field in Jira", "they stay in ServiceNow; a text field "
                        "'Close notes' on the edit and resolve screens would carry them"))  # fmt: skip
    return StatusProposal(lines, resolutions, bool(jira.resolutions), notes)


def _priority(servicenow: PlaceInfo, jira: PlaceInfo, gaps: list[Gap]) -> PriorityProposal | None:
    names = [option.value for option in jira.options("priority")]
    if not names or not on_screens(jira, "priority"):
        remedy = "put the priority on the create and edit screens, then run `tieline init` again"
        gaps.append(Gap("priority is not on the create screen of this issue type", remedy))
        return None
    levels = servicenow.options("priority") or tuple(
        Option(str(n), word) for n, word in enumerate(_STOCK_LEVELS, 1)
    )
    lines = priority_lines(levels, names)
    gaps += [
        Gap(f"priority: {' and '.join(line.servicenow)} as {' and '.join(line.jira)} is a guess",
            "look at that line of [priority].map")
        for line in lines if line.guess
    ]  # fmt: skip
    matrix, source = _matrix(servicenow.matrix, {level.value for level in levels})
    return PriorityProposal(lines, matrix, source)


def _matrix(told: Mapping[tuple[str, str], str], known: set[str]) -> tuple[tuple[tuple[int, ...], ...], str]:
    """The told cells, the rest as ServiceNow comes."""
    cells = {cell: value for cell, value in told.items() if value.isdecimal() and value in known}
    highest = max((int(level) for level in known if level.isdecimal()), default=len(_STOCK_LEVELS))
    rows = tuple(
        tuple(
            int(cells.get((impact, urgency), min(STOCK_MATRIX[i][u], highest)))
            for u, urgency in enumerate(LEVELS)
        )
        for i, impact in enumerate(LEVELS)
    )
    seen = sum((i, u) in cells for i in LEVELS for u in LEVELS)
    whole = len(LEVELS) ** 2
    if seen == whole:
        return rows, "as this instance computes it"
    return rows, f"{seen} of {whole} cells as seen in incidents, the others as ServiceNow comes: check them"

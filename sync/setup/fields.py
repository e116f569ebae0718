"""Proposes which fields mirror which: the three that every installation has, and others by likeness of names
and of what they may hold. Pure; it reads no system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tieline.connectors.base import FieldKind
from tieline.connectors.metadata import FieldInfo, Option, PlaceInfo
from tieline.sync.setup.likeness import Line, Match, closest, likeness, match_values, plain

ALWAYS: Final[tuple[tuple[str, FieldKind, str, str], ...]] = (
    ("summary", "line", "short_description", "summary"),
    ("description", "text", "description", "description"),
    ("assignee", "person", "assigned_to", "assignee"),
)
"""What both systems come with: name, kind, column, field."""

_NEVER: Final = frozenset(
    {
        "number", "task_effective_number", "active", "state", "incident_state", "hold_reason", "close_code",
        "close_notes", "impact", "urgency", "priority", "severity", "escalation", "approval", "upon_approval",
        "upon_reject", "notify", "opened_by", "closed_by", "resolved_by", "reopened_by", "caller_id",
        "route_reason", "correlation_id", "correlation_display", "origin_id", "origin_table",
    }
)  # fmt: skip
"""Columns that the platform keeps, or that belong to the status and the priority."""
_NOTES: Final = ("close notes", "resolution notes", "resolution details", "solution")
_MARKERS: Final = ("tieline marker", "tieline", "marker", "servicenow marker", "sync marker", "external id")
_FLOOR: Final = 88.0
_LISTED_FLOOR: Final = 75.0
"""Where the lists agree as well, names may differ more."""
_NAME_SHARE: Final = 0.6
"""How much the likeness of names counts beside that of values."""

Pairing = tuple[float, FieldInfo, FieldInfo, FieldKind, Match]


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One `[[field]]` of the configuration. `limit` is the longest text a side, where it is not the usual."""

    name: str
    kind: FieldKind
    servicenow: str
    jira: str
    lines: tuple[Line, ...] = ()
    unmapped: Literal["", "hold", "pass"] = ""
    limit: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be mapped, and what to do about it."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Fields:
    """What was found: fields, the map of groups, and what is left."""

    fields: tuple[FieldLine, ...]
    groups: tuple[Line, ...]
    gaps: tuple[Gap, ...]


def on_screens(jira: PlaceInfo, name: str) -> bool:
    """Whether a field can be given when an issue is made, as far as the screen is known."""
    return jira.create is None or name in jira.create.fields


def propose_fields(servicenow: PlaceInfo, jira: PlaceInfo, taken: Iterable[str]) -> Fields:
    """Fields that mirror each other; `taken` are ids of either side that are used for something else."""
    fields: list[FieldLine] = []
    gaps: list[Gap] = []
    groups: tuple[Line, ...] = ()
    for name, kind, column, field in ALWAYS:
        if _exists(servicenow, column) and _exists(jira, field) and on_screens(jira, field):
            fields.append(FieldLine(name, kind, column, field, limit=_limit(servicenow, column, kind)))
        else:
            what = f"{name}: {column} or {field} is not there, or not on the create screen"
            gaps.append(
                Gap(what, f"put {field} on the project's create and edit screens, then add a [[field]]")
            )
    used = {*taken, *(f.servicenow for f in fields), *(f.jira for f in fields)}
    for _, ours, theirs, kind, match in _one_to_one(_pairings(servicenow, jira, used)):
        line = _line(ours, theirs, kind, match, servicenow)
        fields.append(line)
        if kind == "group":
            groups = tuple(each for each in match.lines if each.servicenow[0] != each.jira[0])
            gaps += _group_gaps(match, theirs)
        elif kind == "choice":
            gaps += _value_gaps(line, match, servicenow)
    names = {f.name for f in fields}
    if "group" not in names:
        remedy = "make a select field for it in Jira with the groups' names as options, then add a [[field]]"
        gaps.append(Gap("assignment_group has no field in Jira", remedy))
    return Fields(tuple(_named_apart(fields)), groups, tuple(gaps))


def _exists(place: PlaceInfo, name: str) -> bool:
    """Whether a field is there; where no field is told, the usual ones are believed."""
    return not place.fields or name in place.fields


def _limit(servicenow: PlaceInfo, column: str, kind: FieldKind) -> tuple[int, int] | None:
    """Both lengths, where the column is not as long as it comes."""
    info, usual = servicenow.fields.get(column), {"line": 160, "text": 4000}.get(kind)
    if usual is None or info is None or info.length is None or info.length == usual:
        return None
    return info.length, 255 if kind == "line" else 30_000


def _pairings(servicenow: PlaceInfo, jira: PlaceInfo, used: set[str]) -> Iterator[Pairing]:
    """Every two fields that fit, with how well they do."""
    for theirs in jira.fields.values():
        if theirs.id in used or not _offered(jira, theirs):
            continue
        for ours in servicenow.fields.values():
            if ours.id in used or ours.id in _NEVER or ours.id.startswith("sys_"):
                continue
            kind = _common_kind(ours, theirs)
            if kind is None:
                continue
            match = _match(ours, theirs, kind, servicenow)
            score = max(likeness(ours.label, theirs.label), likeness(ours.id, theirs.label))
            if kind in ("choice", "group"):
                score = _NAME_SHARE * score + (1 - _NAME_SHARE) * 100 * match.share
            if score >= _FLOOR or (kind in ("choice", "group") and match.lines and score >= _LISTED_FLOOR):
                yield score, ours, theirs, kind, match


def _offered(jira: PlaceInfo, field: FieldInfo) -> bool:
    """Fields that somebody made for this project: system fields have partners of their own, or none."""
    return field.id.startswith("customfield_") and on_screens(jira, field.id)


def _common_kind(ours: FieldInfo, theirs: FieldInfo) -> FieldKind | None:
    match ours.kind, theirs.kind:
        case "group", "choice":
            return "group"
        case ("line" | "text") as one, ("line" | "text") as two:
            return "text" if "text" in (one, two) and two == "text" else "line"
        case one, two if one == two and one in ("choice", "person"):
            return one
        case _:
            return None


def _match(ours: FieldInfo, theirs: FieldInfo, kind: FieldKind, servicenow: PlaceInfo) -> Match:
    options = [option.value for option in theirs.options]
    if kind == "group":
        return match_values([Option(name) for name in servicenow.groups], options)
    return match_values(ours.options, options) if kind == "choice" else Match(())


def _one_to_one(found: Iterable[Pairing]) -> list[Pairing]:
    """The best pairings in which no field stands twice."""
    chosen: list[Pairing] = []
    used: set[str] = set()
    for each in sorted(found, key=lambda p: (-p[0], p[1].id, p[2].id)):
        if not {f"s:{each[1].id}", f"j:{each[2].id}"} & used:
            used |= {f"s:{each[1].id}", f"j:{each[2].id}"}
            chosen.append(each)
    return chosen


def _line(
    ours: FieldInfo, theirs: FieldInfo, kind: FieldKind, match: Match, servicenow: PlaceInfo
) -> FieldLine:
    name = "group" if kind == "group" else plain(ours.label or ours.id).replace(" ", "-")[:30] or "field"
    lines = match.lines if kind == "choice" else ()
    limit = _limit(servicenow, ours.id, kind)
    return FieldLine(name, kind, ours.id, theirs.id, lines, "hold" if kind == "choice" else "", limit)


def _named_apart(fields: Iterable[FieldLine]) -> Iterator[FieldLine]:
    """No two fields of one name: the second is called by its column."""
    seen: set[str] = set()
    for field in fields:
        name = field.name if field.name not in seen else field.servicenow[:30]
        seen.add(name)
        yield FieldLine(
            name, field.kind, field.servicenow, field.jira, field.lines, field.unmapped, field.limit
        )


def _value_gaps(line: FieldLine, match: Match, servicenow: PlaceInfo) -> Iterator[Gap]:
    used = servicenow.used.get(line.servicenow, {})
    held = "until then an incident with it is held there"
    if match.servicenow_left:
        left = sorted(match.servicenow_left, key=lambda option: -used.get(option.value, 0))
        counted = [(option.words, used.get(option.value, 0)) for option in left]
        shown = ", ".join(
            words + (f" (used {times} times lately)" if times else "") for words, times in counted
        )
        what = f"{line.name}: {line.jira} has no option for ServiceNow's {shown}"
        yield Gap(what, f"add options in Jira, or the values to lines of the map; {held}")
    if match.jira_left:
        what = f"{line.name}: {line.servicenow} has no value for Jira's {', '.join(match.jira_left)}"
        yield Gap(what, f"add choices in ServiceNow, or the values to lines of the map; {held}")


def _group_gaps(match: Match, theirs: FieldInfo) -> Iterator[Gap]:
    left = [option.value for option in match.servicenow_left]
    if left:
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        what = f"group: no option of {theirs.label!r} is called {shown}"
        yield Gap(
            what, "add the options in Jira, or lines to [groups].map; [groups].unknown says what happens"
        )


def find_notes(jira: PlaceInfo) -> str:
    """Jira's text field for close notes, by its name; "" if there is none on the screens."""
    return _by_name(jira, "text", _NOTES)


def find_marker(jira: PlaceInfo) -> str:
    """Jira's single-line text field for the marker, by its name; "" if there is none."""
    return _by_name(jira, "line", _MARKERS)


def _by_name(jira: PlaceInfo, kind: FieldKind, names: Iterable[str]) -> str:
    fits = {
        f.label: f.id for f in jira.fields.values() if f.kind == kind and _offered(jira, f) and f.searchable
    }
    found = closest(names, list(fits))
    return fits[found] if found else ""

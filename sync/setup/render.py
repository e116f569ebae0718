"""Writes a proposal as a commented configuration file; what stands in it was decided elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from tieline.sync.config.sides import Jira, JiraAuth, ServiceNow, ServiceNowAuth
from tieline.sync.setup.fields import FieldLine
from tieline.sync.setup.likeness import Line, usable
from tieline.sync.setup.proposal import PriorityProposal, Proposal, StatusProposal
from tieline.sync.setup.relations import RelationLine

_HEAD: Final = """\
# Tieline: which incidents are mirrored, and how. Written by `tieline init` from what both systems told.
#
# Read the maps before you go live: lines marked `guess` were not found by equal names.
# Then: tieline config check, tieline doctor, tieline plan. Every setting: docs/configuration.md.
#
# Secrets are references, never values: "env:NAME", "file:PATH" or "keyring:SERVICE/USER".
"""
_FIELDS: Final = (
    "# Fields, mirrored one by one. Where both sides moved one apart, `clash` decides, then `tie`."
)
_KINDS: Final = {
    "line": "one line of text", "text": "many lines", "choice": "values from a list; `map` joins them",
    "person": "joined by e-mail address, or by [people].map", "group": "joined by name, or by [groups].map",
    "set": "several values", "people": "several people, each joined as one person is",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """What a person said: who and where, and the day from which on incidents count."""

    installation: str
    route: str
    servicenow: ServiceNow
    jira: Jira
    since: date
    create_from: tuple[Literal["servicenow", "jira"], ...] = ("servicenow", "jira")


def render(start: Start, proposal: Proposal) -> str:
    """The whole file."""
    blocks: list[Iterable[str]] = [
        _HEAD.splitlines(),
        _sides(start, proposal),
        _route(start, proposal),
        [_FIELDS],
        *(_field(field) for field in proposal.fields),
        [] if proposal.status is None else _status(proposal.status),
        [] if proposal.priority is None else _priority(proposal.priority),
        _entities(proposal.groups),
        _relations(proposal.relations),
        _gaps(proposal),
    ]
    return "\n\n".join("\n".join(block).rstrip() for block in map(list, blocks) if block) + "\n"


def _sides(start: Start, proposal: Proposal) -> Iterator[str]:
    snow, jira = start.servicenow, start.jira
    yield _aside(f"installation = {text(start.installation)}", "stands in every marker; never change it")
    yield _aside('state = "sqlite:///tieline.db"', "what Tieline remembers; relative to this file")
    yield from ("", "[servicenow]", f"url = {text(snow.url)}", f"auth = {_auth(snow.auth)}")
    yield _aside(f"marker = {text(snow.marker)}", "on mirrors only: which issue an incident came from")
    yield _aside(f"link = {text(snow.link)}", 'shows the Jira key of the other half; "" for none')
    yield from ("", "[jira]", f"url = {text(jira.url)}", f"deployment = {text(jira.deployment)}")
    yield f"auth = {_auth(jira.auth)}"
    yield _aside(f"marker = {text(proposal.marker)}", "on mirrors only: which incident an issue came from")


def _auth(auth: ServiceNowAuth | JiraAuth) -> str:
    """The inline table of a way to sign in; secrets are references."""
    entries = auth.model_dump(exclude_none=True).items()
    return "{ " + ", ".join(f"{key} = {text(str(value))}" for key, value in entries) + " }"


def _route(start: Start, proposal: Proposal) -> Iterator[str]:
    project, issue_type = text(proposal.project), text(proposal.issue_type)
    yield "[[route]]"
    yield f"name = {text(start.route)}"
    yield f'servicenow = {{ table = {text(proposal.table)}, scope = "" }}   # an encoded query; "" means all'
    yield f'jira = {{ project = {project}, issue_type = {issue_type}, scope = "" }}   # a JQL condition'
    sides = ", ".join(map(text, start.create_from))
    yield _aside(f"create_from = [{sides}]", "incidents raised here get a mirror on the other side")
    yield _aside(f"since = {start.since.isoformat()}", "go-live: what was raised before (UTC) is left alone")


def _field(field: FieldLine) -> Iterator[str]:
    yield "[[field]]"
    yield f"name = {text(field.name)}"
    yield _aside(f"kind = {text(field.kind)}", _KINDS[field.kind])
    yield f"servicenow = {text(field.servicenow)}"
    yield f"jira = {text(field.jira)}"
    yield 'clash = "newest"'
    yield f"tie = {text('jira' if field.kind == 'person' else 'servicenow')}"
    if field.limit is not None:
        yield f"limit = {{ servicenow = {field.limit[0]}, jira = {field.limit[1]} }}"
    if field.kind == "choice":
        lines = list(_map(field.lines))
        rule = "hold" if lines else "pass"
        yield _aside(f"unmapped = {text(rule)}", "a value without a partner: hold it, or pass it as it is")
        if lines:
            yield from ("map = [", *lines, "]")


def _status(status: StatusProposal) -> Iterator[str]:
    notes = f", close_notes = {text(status.notes)}" if status.notes else ""
    yield "# Status, hold reason, resolution, close code and close notes are one thing: they move together."
    yield "[status]"
    yield f'jira = {{ status = "status", resolution = "resolution"{notes} }}'
    yield from ('clash = "newest"', 'tie = "servicenow"', 'first = "servicenow"')
    yield _aside(f"default_close_code = {text(status.resolutions.default)}", "where the map knows none")
    yield 'default_close_notes = "Resolved in Jira."'
    yield '# Of several, the first is written. "3/4" is state 3 with hold reason 4.'
    yield from ("map = [", *_map(status.lines), "]")
    if lines := list(_map(status.resolutions.lines)):
        yield from ("resolution = [", *lines, "]")


def _priority(priority: PriorityProposal) -> Iterator[str]:
    yield "# ServiceNow computes the priority from impact and urgency; Jira has one field."
    yield "[priority]"
    yield from ('jira = "priority"', 'clash = "newest"', 'tie = "servicenow"', 'first = "servicenow"')
    yield f"# Rows: impact 1 to 3; columns: urgency 1 to 3; {priority.source}."
    yield "matrix = ["
    yield from (f"  [{', '.join(map(str, row))}]," for row in priority.matrix)
    yield from ("]", "map = [", *_map(priority.lines), "]")


def _entities(groups: Sequence[Line]) -> Iterator[str]:
    yield "[people]"
    yield _aside('unknown = "unassigned"', 'nobody on the other side: unassigned, hold, or "default:ID"')
    yield _aside("map = []", 'e.g. { servicenow = "user name", jira = "account id" }; others by e-mail')
    yield from ("", "[groups]", 'unknown = "hold"')
    if lines := list(_map(groups)):
        yield from ("map = [", *lines, "]")
    else:
        yield _aside("map = []", 'e.g. { servicenow = "Service Desk", jira = "Desk" }; others by equal name')


def _relations(lines: Sequence[RelationLine]) -> Iterator[str]:
    """The relations, those with a type of issue link first; without one, Jira shows a remote link."""
    if not lines:
        return
    yield "# What ties incidents to problems, changes and each other (docs/relations.md)."
    for line in lines:
        yield from ("[[links.type]]", _aside(f"relation = {text(line.relation)}", line.column))
        if line.jira:
            yield from (f"jira = {text(line.jira)}", f"reads = {text(line.reads)}")
        yield ""


def _gaps(proposal: Proposal) -> Iterator[str]:
    if proposal.gaps:
        yield "# What could not be mapped for sure:"
        for gap in proposal.gaps:
            yield f"# - {_comment(gap.what)}"
            yield f"#   {_comment(gap.remedy)}"


def _map(lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        ours, theirs = _usable(line.servicenow), _usable(line.jira)
        if ours and theirs:
            entry = f"  {{ servicenow = {_one_or_more(ours)}, jira = {_one_or_more(theirs)} }},"
            yield f"{entry}   # guess" if line.guess else entry


def _usable(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if usable(value)))


def _one_or_more(values: Sequence[str]) -> str:
    return text(values[0]) if len(values) == 1 else f"[{', '.join(map(text, values))}]"


def text(value: str) -> str:
    """A TOML basic string (TOML 1.0, "String"): JSON's escapes are among TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _aside(line: str, comment: str) -> str:
    return f"{line:<35} # {comment}"


def _comment(words: str) -> str:
    """Words of a system as one comment line: no control character may end it."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())

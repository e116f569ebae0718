"""Relations in setup: which types of issue links may show them, and whether the configured ones exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tieline.connectors.metadata import LinkWords, PlaceInfo
from tieline.sync.links.model import SERVICENOW_COLUMN
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live, listing

Reads = Literal["inward", "outward"]

_WORDS: Final = {
    "problem": ("is caused by",),
    "caused_by": ("is caused by",),
    "cured_by": ("is cured by", "is fixed by", "is resolved by"),
    "parent": ("is child of", "is a child of"),
}
"""What a link says on the incident's issue, by relation; words that say it for sure, in lower case."""


@dataclass(frozen=True, slots=True)
class RelationLine:
    """A relation that may be mirrored: `jira` is the type of issue link, "" for a remote link only."""

    relation: str
    column: str
    jira: str = ""
    reads: Reads = "inward"


def propose_relations(servicenow: PlaceInfo, jira: PlaceInfo) -> tuple[RelationLine, ...]:
    """The relations whose columns the table has, with the link types that say so in their words."""
    columns = {relation: column for relation, column in SERVICENOW_COLUMN.items() if relation in _WORDS}
    return tuple(
        _line(relation, column, jira.link_types)
        for relation, column in columns.items()
        if column in servicenow.fields
    )


def _line(relation: str, column: str, types: Sequence[LinkWords]) -> RelationLine:
    for wanted in _WORDS[relation]:
        for each in types:
            if each.inward.casefold() == wanted:
                return RelationLine(relation, column, each.name, "inward")
            if each.outward.casefold() == wanted:
                return RelationLine(relation, column, each.name, "outward")
    return RelationLine(relation, column)


def check_relations(live: Live) -> Iterator[Finding]:
    """Columns and link types that do not exist; nothing is said of a side that told nothing."""
    links, known = live.config.links, {each.name for each in live.jira.link_types}
    for number, each in enumerate(() if links is None else links.type, 1):
        where = f"links.type {number} ({each.relation})"
        if each.jira is not None and known and each.jira not in known:
            yield Finding("TD070", where, f"Jira has {listing(sorted(known), 12)}, and no {each.jira!r}")
        if each.on == "incident" and live.servicenow.fields and each.column not in live.servicenow.fields:
            yield Finding("TD071", where, f"{live.servicenow.place} has no {each.column}")

"""Checks one route for what systems do in silence: hide entries, drop terms, compute values, search late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live, listing

_COMPUTED: Final = "priority"
"""The column that ServiceNow looks up from impact and urgency, whatever is written to it."""


def check_traps(live: Live) -> Iterator[Finding]:
    """What would not show until something is missing."""
    place, config = live.servicenow, live.config
    if place.journals and config.comments is not None:
        yield Finding("TD017", place.place, place.journals)
    if place.drops_terms:
        yield Finding("TD064", place.place, "a query about a column that there is not found records")
    yield from _not_written(live)
    late = {key: ago.total_seconds() for key, ago in live.jira.behind.items()}
    if late:
        overlap = config.jira.overlap.total_seconds()
        worst = max(late.values())
        lost = worst >= overlap
        told = "longer than" if lost else "within"
        yield Finding(
            "TD063" if lost else "TD065", live.jira.place,
            f"search does not show what became of {listing(list(late))} up to {worst:.0f} s ago, "
            f"{told} the overlap of {overlap:.0f} s",
        )  # fmt: skip


def _not_written(live: Live) -> Iterator[Finding]:
    """Fields whose column keeps no value that is written."""
    for field in live.fields:
        if field.direction == "to_jira":
            continue
        where = f"field {field.name}, servicenow = {field.servicenow!r}"
        info = live.servicenow.fields.get(field.servicenow)
        if field.servicenow == _COMPUTED and live.servicenow.matrix:
            yield Finding("TD053", where, "ServiceNow looks it up from impact and urgency")
        elif info is not None and info.read_only:
            yield Finding("TD026", where, f"the dictionary says that {field.servicenow} is read-only")

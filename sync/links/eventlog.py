"""Reads the rows of an incident event log that tell who tied what to which problem or change, in time order.

The layout is that of the "Incident management process enriched event log" (UCI Machine Learning Repository,
doi:10.24432/C57S4H), plain or gzip. `resolved_by`, `resolved_at`, `closed_at` and `closed_code` stand in each
row of an incident as they were at its end: they are not read, they would be a look into the future.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tieline.connectors.errors import PolicyError
from tieline.sync.links.history import Traits
from tieline.sync.links.model import Relation
from tieline.sync.policy.records import log_time, opened

COLUMNS: Final[Mapping[Relation, str]] = MappingProxyType({
    "problem": "problem_id", "cured_by": "rfc", "caused_by": "caused_by",
})  # fmt: skip
"""The relations that the log holds, and their columns."""
_NEEDED: Final = (
    "number", "sys_updated_at", "sys_mod_count", "category", "subcategory", "u_symptom", "assignment_group",
    "cmdb_ci", *COLUMNS.values(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One state of one incident, written at `at` (UTC). `ties` holds the relations that are set in it."""

    number: str
    at: datetime
    count: int
    traits: Traits
    symptom: str
    ci: str
    ties: Mapping[Relation, str]


def read_log(path: Path) -> list[Row]:
    """All rows in time order. PolicyError, with the line, for a file that is no event log."""
    line = 0
    try:
        with opened(path) as text:
            reader = csv.reader(text)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in _NEEDED if name not in header]
            if missing:
                raise ValueError(f"it is no incident event log: {', '.join(missing)} missing")
            places = {name: header.index(name) for name in _NEEDED}
            rows = []
            for cells in reader:
                line = reader.line_num - 1
                if cells:
                    rows.append(_row(cells, places, len(header)))
    except (ValueError, csv.Error, EOFError, OSError) as error:
        raise PolicyError(f"{path}:{line + 1}: cannot be read: {error}") from error
    if not rows:
        raise PolicyError(f"{path}: holds a header and no event")
    return sorted(rows, key=lambda row: (row.at, row.number, row.count))


def _row(cells: list[str], places: Mapping[str, int], width: int) -> Row:
    if len(cells) != width:
        raise ValueError(f"{len(cells)} cells instead of {width}")
    value = {name: _cell(cells[place]) for name, place in places.items()}
    ties: dict[Relation, str] = {r: value[column] for r, column in COLUMNS.items() if value[column]}
    return Row(
        value["number"],
        log_time(value["sys_updated_at"]),
        int(value["sys_mod_count"] or 0),
        Traits(value["category"], value["subcategory"], value["assignment_group"]),
        value["u_symptom"],
        value["cmdb_ci"],
        MappingProxyType(ties),
    )


def _cell(cell: str) -> str:
    cell = cell.strip()
    return "" if cell == "?" else sys.intern(cell)

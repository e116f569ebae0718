"""Reads a ServiceNow incident event log and tells what each row edited; it writes nothing anywhere.

The layout is that of the "Incident management process enriched event log" (UCI Machine Learning Repository,
doi:10.24432/C57S4H): one row is one state of one incident, `?` is null, dates are d/m/yyyy HH:MM without a
zone (taken as UTC), and choice columns read "2 - Medium". Plain or gzip.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from tieline.connectors.errors import TielineError
from tieline.connectors.sandbox import phrases

TRACKED: Final = (
    "incident_state", "category", "subcategory", "impact", "urgency", "assignment_group", "assigned_to",
    "caller_id", "closed_code", "priority", "u_symptom", "contact_type", "location",
)  # fmt: skip
"""Columns that become edits, or the texts of an incident."""
RELATED: Final = ("problem_id", "rfc", "caused_by")
"""Columns that tie an incident to a problem, to the change that cured it and to the one that caused it; a log
may lack them."""
REQUIRED: Final = ("number", "sys_updated_at", "sys_mod_count", "sys_updated_by", *TRACKED)

ASKED: Final = (*REQUIRED, *RELATED)

STATES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    "New": ("1", ""),
    "Active": ("2", ""),
    "Awaiting User Info": ("3", "1"),
    "Awaiting Evidence": ("3", "2"),
    "Awaiting Problem": ("3", "3"),
    "Awaiting Vendor": ("3", "4"),
    "Resolved": ("6", ""),
    "Closed": ("7", ""),
})  # fmt: skip
"""The log's states as `state` and `hold_reason` of a stock instance."""

COPIED: Final[Mapping[str, str]] = MappingProxyType({
    "category": "category",
    "subcategory": "subcategory",
    "impact": "impact",
    "urgency": "urgency",
    "assignment_group": "assignment_group",
    "assigned_to": "assigned_to",
    "caller_id": "caller_id",
})  # fmt: skip
"""Columns that stand in the incident under the same name."""

CHOICES: Final = frozenset({"impact", "urgency", "priority"})
MAX_FAULTS_SHOWN: Final = 20
_CHOICE = re.compile(r"(\d+) - \S.*")
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})")


class EventLogError(TielineError):
    """The file is not an incident event log that can be replayed; the text lists its faults by line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the log. `at` is UTC; `values` follows `TRACKED`: "" for null, choices as numbers.

    `related` follows `RELATED`: the numbers of problems and changes.
    """

    line: int
    number: str
    at: datetime
    mod_count: int
    by: str
    values: tuple[str, ...]
    related: tuple[str, ...] = ("", "", "")

    def __getitem__(self, column: str) -> str:
        if column in RELATED:
            return self.related[RELATED.index(column)]
        return self.values[TRACKED.index(column)]


@dataclass(frozen=True, slots=True)
class Edit:
    """What one row changed against the row before it of the same incident, in ServiceNow's field names.

    References (people, groups) are names. `first` marks the row that raises the incident.
    """

    row: Row
    first: bool
    values: Mapping[str, str]


def read(path: Path) -> list[Row]:
    """All rows in time order: by update, then number, then count of writes.

    Raises EventLogError for a file that cannot be read, lacks columns, or holds rows that make no sense.
    """
    with _opened(path) as text:
        reader = csv.reader(text)
        try:
            header = next(reader, None)
            columns = _columns(path, header)
            numbered = ((reader.line_num, cells) for cells in reader)
            rows = list(_rows(path, numbered, columns, width=len(header or ())))
        except (csv.Error, UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise EventLogError(f"{path}:{reader.line_num + 1}: cannot be read as CSV: {error}") from error
    if not rows:
        raise EventLogError(f"{path}: holds a header and no event")
    rows.sort(key=lambda row: (row.at, row.number, row.mod_count))
    return rows


def edits(rows: Iterable[Row]) -> Iterator[Edit]:
    """Each row, in the order given, as the edit it records; `values` is empty where nothing tracked moved."""
    last: dict[str, Row] = {}
    for row in rows:
        before = last.get(row.number)
        last[row.number] = row
        values = _raised(row) if before is None else _changed(before, row)
        yield Edit(row, before is None, values)


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: IO[bytes] = gzip.open(raw) if packed else raw  # type: ignore[assignment]  # noqa: SIM115
            yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise EventLogError(f"{path}: {error.strerror or error}") from error


def _columns(path: Path, header: list[str] | None) -> Mapping[str, int]:
    if not header:
        raise EventLogError(f"{path}: is empty; an incident event log starts with a line of column names")
    columns = {name.strip(): index for index, name in enumerate(header)}
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise EventLogError(f"{path}:1: these columns are missing: {', '.join(missing)}")
    return columns


def _rows(
    path: Path, numbered: Iterable[tuple[int, list[str]]], columns: Mapping[str, int], width: int
) -> Iterator[Row]:
    faults: list[str] = []
    for line, cells in numbered:
        if not cells:
            continue
        try:
            if len(cells) != width:
                raise ValueError(f"{len(cells)} cells instead of {width}")
            yield _row(line, {name: cells[columns[name]] if name in columns else "" for name in ASKED})
        except ValueError as error:
            faults.append(f"{path}:{line}: {error}")
    if faults:
        more = len(faults) - MAX_FAULTS_SHOWN
        tail = [f"... and {more} more rows"] if more > 0 else []
        raise EventLogError("\n".join([*faults[:MAX_FAULTS_SHOWN], *tail]))


def _row(line: int, cells: Mapping[str, str]) -> Row:
    values = {name: "" if cell.strip() == "?" else cell.strip() for name, cell in cells.items()}
    if not values["number"]:
        raise ValueError("number is empty")
    return Row(
        line=line,
        number=sys.intern(values["number"]),
        at=_date("sys_updated_at", values["sys_updated_at"]),
        mod_count=_count("sys_mod_count", values["sys_mod_count"]),
        by=sys.intern(values["sys_updated_by"]),
        values=tuple(sys.intern(_value(name, values[name])) for name in TRACKED),
        related=tuple(sys.intern(related_number(values[name])) for name in RELATED),
    )


def _value(column: str, cell: str) -> str:
    if column not in CHOICES or not cell:
        return cell
    match = _CHOICE.fullmatch(cell)
    if match is None:
        raise ValueError(f'{column} is {cell!r}, expected a choice such as "2 - Medium"')
    return match[1]


def related_number(cell: str) -> str:
    """The number of a problem or change: the log names problems by hand, such as "Problem ID  2"."""
    digits = re.fullmatch(r"\D*?(\d+)", cell.strip())
    if digits is None or cell.strip().upper().startswith(("PRB", "CHG")):
        return cell.strip()
    return f"PRB{int(digits[1]):07}"


def _date(column: str, cell: str) -> datetime:
    match = _DATE.fullmatch(cell)
    if match is None:
        raise ValueError(f"{column} is {cell!r}, expected d/m/yyyy HH:MM")
    day, month, year, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{column} is {cell!r}: {error}") from error


def _count(column: str, cell: str) -> int:
    if not cell.isdecimal():
        raise ValueError(f"{column} is {cell!r}, expected a whole number")
    return int(cell)


def _raised(row: Row) -> Mapping[str, str]:
    values = {field: row[column] for column, field in COPIED.items()}
    values |= _status(row)
    values |= {column: row[column] for column in RELATED if row[column]}
    values["short_description"] = phrases.summary(row.number, row["u_symptom"])
    values["description"] = phrases.description(
        row.number, row["u_symptom"], row["contact_type"], row["location"]
    )
    return values


def _changed(before: Row, row: Row) -> Mapping[str, str]:
    if before.values == row.values and before.related == row.related:
        return {}
    values = {field: row[column] for column, field in COPIED.items() if row[column] != before[column]}
    if row["incident_state"] != before["incident_state"]:
        values |= _status(row)
    return values | {column: row[column] for column in RELATED if row[column] != before[column]}


def _status(row: Row) -> Mapping[str, str]:
    """State, hold reason, and at the end of an incident its close code and notes, as one edit.

    A state that the log's vocabulary does not have is kept as it stands: whether to take it is for the
    system's rules to say. So is an empty close code.
    """
    known = STATES.get(row["incident_state"])
    if known is None:
        return {"state": row["incident_state"]}
    state, hold_reason = known
    values = {"state": state, "hold_reason": hold_reason}
    if state in ("6", "7"):
        values["close_code"] = row["closed_code"]
        values["close_notes"] = phrases.close_notes(row["closed_code"])
    return values

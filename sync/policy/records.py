"""Reads incidents for a policy from files: JSON, JSON lines, CSV, and the incident event log's layout.

One record at a time, whatever the size of the file. Plain or gzip.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from tieline.connectors.errors import PolicyError
from tieline.sync.policy.fields import Cell, Record, Said
from tieline.sync.policy.model import Policy

EVENT_LOG: Final[Mapping[str, str]] = {
    "category": "category",
    "subcategory": "subcategory",
    "impact": "impact",
    "urgency": "urgency",
    "priority": "priority",
    "incident_state": "status",
    "assignment_group": "group",
    "assigned_to": "assignee",
    "caller_id": "caller",
    "cmdb_ci": "service",
    "closed_code": "resolution",
    "contact_type": "channel",
    "u_symptom": "symptom",
    "location": "location",
    "opened_at": "opened",
    "sys_updated_at": "updated",
    "resolved_at": "resolved",
}
"""Columns of the event log (UCI, doi:10.24432/C57S4H) and the fields they fill."""
_CHOICE: Final = re.compile(r"(\d+) - \S.*")
_DATE: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: its line, its incident ("" if not told), when it stood so, its values."""

    line: int
    id: str
    at: datetime | None
    values: Record


def read_records(path: Path, policy: Policy) -> Iterator[Row]:
    """The records of a file, in its order. PolicyError, with the line, for what cannot be read."""
    line = 0
    try:
        with opened(path) as text:
            first = text.readline()
            if first.lstrip()[:1] in ("{", "["):
                rows = _json_rows(first, text, policy)
            else:
                rows = _csv_rows(first, text, policy)
            for row in rows:
                line = row.line
                yield row
    except (ValueError, csv.Error, EOFError, OSError) as error:
        raise PolicyError(f"{path}:{line + 1}: cannot be read: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """A text file, plain or gzip, with or without a byte order mark."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: Any = gzip.open(raw) if packed else raw  # noqa: SIM115
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _json_rows(first: str, text: IO[str], policy: Policy) -> Iterator[Row]:
    """JSON lines; or one JSON document with a record or a list of them, which is read as a whole."""
    try:
        head = json.loads(first)
    except ValueError:
        head = json.loads(first + text.read())
    if isinstance(head, list):
        for number, entry in enumerate(head, 1):
            yield _json_row(number, entry, policy)
        return
    yield _json_row(1, head, policy)
    for number, line in enumerate(text, 2):
        if line.strip():
            yield _json_row(number, json.loads(line), policy)


def _json_row(number: int, entry: object, policy: Policy) -> Row:
    if not isinstance(entry, dict):
        raise ValueError("a record is a JSON object")
    id_ = str(entry.get("number") or entry.get("id") or entry.get("key") or "")
    values = {name: cell_of(policy, name, value) for name, value in entry.items()}
    at = values.get("now") or values.get("updated")
    return Row(number, id_, at if isinstance(at, datetime) else None, values)


def _csv_rows(first: str, text: IO[str], policy: Policy) -> Iterator[Row]:
    header = [name.strip() for name in next(csv.reader([first]), [])]
    if not header:
        raise ValueError("it is empty")
    is_log = {"incident_state", "sys_mod_count", "number"} <= set(header)
    names = [EVENT_LOG.get(name, name) if is_log else name for name in header]
    kinds = [policy.kind(name) for name in names]
    reader = csv.reader(text)
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(names):
            raise ValueError(f"{len(cells)} cells instead of {len(names)}")
        if is_log:
            values = {
                n: _log_cell(c, k)
                for n, c, k in zip(names, cells, kinds, strict=True)
                if k or n in ("number", "symptom", "location")
            }
        else:
            values = {n: cell_of(policy, n, c) for n, c in zip(names, cells, strict=True)}
        at = values.get("now") or values.get("updated")
        id_ = str(values.pop("number", None) or values.get("id") or "")
        yield Row(reader.line_num + 1, id_, at if isinstance(at, datetime) else None, values)


def _log_cell(cell: str, kind: str | None) -> Cell:
    cell = cell.strip()
    if cell in ("?", ""):
        return None
    if kind == "time":
        return log_time(cell)
    match = _CHOICE.fullmatch(cell)
    return match[1] if match else cell


def log_time(cell: str) -> datetime:
    """A date of the event log, which has no zone: taken as UTC. ValueError for anything else."""
    match = _DATE.fullmatch(cell)
    if match is None:
        raise ValueError(f"{cell!r} is no time, expected d/m/yyyy HH:MM")
    day, month, year, hour, minute = map(int, match.groups())
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def cell_of(policy: Policy, name: str, value: object) -> Cell:
    """A value of a record as the policy holds it. ValueError if it is none of the field."""
    kind = policy.kind(name)
    match value:
        case None | "":
            return None
        case str() if kind == "texts":
            return Said(frozenset({value}))
        case list() if kind == "texts":
            texts = frozenset(text for text in map(str, value) if text)
            return Said(texts) if texts else None
        case bool():
            return value
        case int() | float():
            return str(value)
        case list():
            return frozenset(map(str, value)) or None
        case str() if kind == "time":
            return _time(value)
        case str() if kind == "flag":
            return value.strip().lower() in ("true", "1", "yes")
        case str() if kind == "set":
            return frozenset(part.strip() for part in value.split(",") if part.strip()) or None
        case str():
            return value
        case _:
            raise ValueError(f"{name} cannot hold {value!r}")


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

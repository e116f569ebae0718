"""How files are carried over, as the configuration names it; the patterns are applied elsewhere."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from tieline.sync.config.values import Day, Duration, Line, Table, fault, lasting

_SIZE: Final = r"(\d{1,9})(B|kB|KB|MB|GB)"
_UNITS: Final = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}
_PATTERN: Final = r"\.[^/\s]+|[\w.+*-]+/[\w.+*-]+"


def _size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = re.fullmatch(_SIZE, value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise fault("is not a size", 'write a whole number and its unit: "500kB", "100MB" or "1GB"')
    return int(found[1]) * _UNITS[found[2]]


def _size_text(size: int) -> str:
    unit = next(unit for unit in ("GB", "MB", "kB", "B") if size % _UNITS[unit] == 0)
    return f"{size // _UNITS[unit]}{unit}"


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_PATTERN, value):
        raise fault("is neither an ending nor a type", 'write an ending as ".pdf", a type as "image/*"')
    return value


Size = Annotated[
    int,
    PlainValidator(_size),
    PlainSerializer(_size_text),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}$", "examples": ["500kB", "100MB", "1GB"]}),
]
Pattern = Annotated[
    str,
    PlainValidator(_pattern),
    WithJsonSchema({"type": "string", "pattern": f"^({_PATTERN})$", "examples": [".pdf", "image/*"]}),
]


def _default(size: str, description: str) -> Any:
    return Field(default=_size(size), description=description, json_schema_extra={"default": size})


class Attachments(Table):
    """Which files go across, and what is done with them on the way."""

    direction: Literal["both", "to_jira", "to_servicenow"] = Field(
        default="both", description="Which way files travel."
    )
    max_size: Size = _default("100MB", "Larger files stay where they are, and one note says so.")
    only: tuple[Pattern, ...] = Field(
        default=(), description='Endings (".pdf") and types ("image/*") that go across; none named: all.'
    )
    never: tuple[Pattern, ...] = Field(
        default=(), description="Endings and types that stay where they are; they win over `only`."
    )
    since: Day | None = Field(
        default=None, description="Files from before this day (UTC) are left alone; left out: none are."
    )
    scan: tuple[Line, ...] = Field(
        default=(),
        description="A command and its arguments that is given each file by its path: 0 lets it go, 1 "
        "refuses it, anything else is a failure and tried again.",
    )
    scan_timeout: Duration = lasting("60s", "How long the command may take for one file.")
    every: Duration = lasting(
        "5m", "How often ServiceNow is asked for new files of incidents in which nothing else changed."
    )
    folder: str = Field(
        default="",
        description="Where files lie on the way; as it comes, beside the state, or with a state in a "
        "database in the system's temporary folder.",
    )

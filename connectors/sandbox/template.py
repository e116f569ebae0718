"""Replaces single values in a commented TOML file and leaves every other character as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

Toml = str | int | float | bool | Sequence["Toml"] | Mapping[str, "Toml"]

_HEADER: Final = re.compile(r"^\[+([\w.-]+)\]+")


def with_value(text: str, table: str, key: str, value: Toml) -> str:
    """`text` with `key` of `table` set to `value`; its comment, if it has one, stays.

    `table` is "" for the top, "jira" for [jira], "field:category" for the [[field]] whose name is category.
    Raises KeyError if the file has no such table or key: a value is replaced, never added.
    """
    lines = text.splitlines(keepends=True)
    first, last = _table(lines, table)
    for start in range(first, last):
        if re.match(rf"{re.escape(key)}\s*=", lines[start]):
            end, comment = _end(lines, start)
            lines[start:end] = [f"{key} = {toml(value)}{comment}\n"]
            return "".join(lines)
    raise KeyError(f"{table or 'top'}.{key}")


def toml(value: Toml) -> str:
    """`value` as TOML; lists of tables and lists of lists take a line for each."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case int() | float():
            return str(value)
        case Mapping():
            return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
        case _:
            items = [toml(item) for item in value]
            nested = any(not isinstance(item, str | int | float) for item in value)
            return (
                "[\n" + "".join(f"  {item},\n" for item in items) + "]" if nested else f"[{', '.join(items)}]"
            )


def _table(lines: Sequence[str], table: str) -> tuple[int, int]:
    """The lines of `table`, from the one after its header to the one before the next header."""
    kind, _, name = table.partition(":")
    headers = [(i, match[1]) for i, line in enumerate(lines) if (match := _HEADER.match(line))]
    bounds = [(-1, ""), *headers, (len(lines), "")]
    for (start, title), (end, _) in pairwise(bounds):
        body = lines[start + 1 : end]
        if title == kind and (not name or any(re.match(rf'name\s*=\s*"{name}"', line) for line in body)):
            return start + 1, end
    raise KeyError(table)


def _end(lines: Sequence[str], start: int) -> tuple[int, str]:
    """The line after the value that begins at `start`, and the comment behind the value."""
    depth = 0
    for index in range(start, len(lines)):
        code, comment = _split(lines[index])
        depth += code.count("[") - code.count("]") + code.count("{") - code.count("}")
        if depth == 0:
            return index + 1, comment
    raise ValueError(f"line {start + 1}: the value does not end")


def _split(line: str) -> tuple[str, str]:
    """A line without its strings and comment, and the comment with the space before it."""
    match = re.match(r"""((?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*')*?)(\s*#.*)?$""", line.rstrip("\n"))
    assert match is not None, line
    return re.sub(r""""(?:\\.|[^"\\])*"|'[^']*'""", "", match[1]), match[2] or ""

"""Turns pydantic's errors into problems in the words of the file; finds no problem of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tieline.sync.config.faults import Path, Problem, nearest, quoted, shown, suggestion
from tieline.sync.config.values import FAULT, Table

# What is wrong and what to do, by the type of pydantic's error; {gt} and the like are filled from it.
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("must be text", "write it in quotes"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "int_type": ("must be a whole number", "write a number without quotes and point"),
    "float_type": ("must be a number", "write a number without quotes"),
    "finite_number": ("must be a finite number", "write a number such as 0.5"),
    "tuple_type": ("must be an array", "put it into [ ]"),
    "model_type": ("must be a table", "write it as {{ ... }}, or under a header of its own"),
    "model_attributes_type": ("must be a table", "write it as {{ ... }}, or under a header of its own"),
    "greater_than": ("is too small", "use more than {gt}"),
    "greater_than_equal": ("is too small", "use at least {ge}"),
    "less_than": ("is too large", "use less than {lt}"),
    "less_than_equal": ("is too large", "use at most {le}"),
}


def from_pydantic(error: ValidationError, root: type[Table]) -> Iterator[Problem]:
    """A problem for each entry of `error`, which came of validating a whole file as `root`."""
    for entry in error.errors(include_url=False):
        yield _problem(entry, root)


def _problem(entry: ErrorDetails, root: type[Table]) -> Problem:
    path, parent, field = _find(entry["loc"], root)
    value = shown(path, entry["input"])
    context: dict[str, Any] = entry.get("ctx") or {}
    match entry["type"]:
        case "missing":
            return Problem(path, "is missing", _add(path, field), at="key")
        case "union_tag_not_found":
            return Problem((*path, "kind"), "is missing", _add((*path, "kind"), field), at="key")
        case "extra_forbidden":
            known = [info.alias or name for name, info in parent.model_fields.items()] if parent else []
            word = str(path[-1])
            meant = nearest(word, known)
            return Problem(path, "is not a setting", suggestion(word, known), at="key", meant=meant)
        case "literal_error":
            return _choice(path, entry["input"], _literals(field))
        case "union_tag_invalid":
            return _choice((*path, "kind"), context["tag"], _kinds(field))
        case "tuple_type" if _tables(field):
            return Problem(path, "must be an array of tables", f"head each with [[{path[-1]}]]", value)
        case kind if kind == FAULT:
            return Problem(path, context["what"], context["remedy"], value)
        case kind if kind in WORDS:
            what, remedy = WORDS[kind]
            return Problem(path, what, remedy.format(**context), value)
        case _:
            return Problem(path, f"cannot be used: {entry['msg']}", _meaning(field), value)


def _add(path: Path, field: FieldInfo | None) -> str:
    return f"add {path[-1]}: {_meaning(field)}"


def _meaning(field: FieldInfo | None) -> str:
    text = field.description if field else None
    return text.rstrip(".") if text else "see docs/configuration.md"


def _choice(path: Path, value: object, known: list[str]) -> Problem:
    """A word that is none of the few that are possible: all of them are the remedy."""
    return Problem(
        path, "is not a known choice", f"choose {' or '.join(map(quoted, known))}", shown(path, value)
    )


def _find(loc: tuple[str | int, ...], root: type[Table]) -> tuple[Path, type[Table] | None, FieldInfo | None]:
    """Where an error stands in the file, the table that holds it, and the setting's definition.

    pydantic puts the chosen kind of a union into the location; the file has no such step.
    """
    path: Path = ()
    tables: tuple[type[Table], ...] = (root,)
    parent: type[Table] | None = None
    field: FieldInfo | None = None
    for part in loc:
        if isinstance(part, str) and len(tables) > 1:
            tables = tuple(table for table in tables if part in _kind(table))
            continue
        path = (*path, part)
        if isinstance(part, str):
            parent = tables[0] if tables else None
            field = setting(parent, part) if parent else None
            tables = tables_in(field.annotation) if field else ()
    return path, parent, field


def setting(table: type[Table], key: str) -> FieldInfo | None:
    """The definition of a key of `table`; None if it has no such key."""
    return next((info for name, info in table.model_fields.items() if (info.alias or name) == key), None)


def tables_in(annotation: object) -> tuple[type[Table], ...]:
    """The tables that a setting of this type may hold, alone or in an array."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return (annotation,)
    return tuple(table for part in get_args(annotation) for table in tables_in(part))


def _tables(field: FieldInfo | None) -> tuple[type[Table], ...]:
    return tables_in(field.annotation) if field else ()


def _kind(table: type[Table]) -> list[str]:
    return choices(table.model_fields["kind"].annotation)


def _kinds(field: FieldInfo | None) -> list[str]:
    return [kind for table in _tables(field) for kind in _kind(table)]


def _literals(field: FieldInfo | None) -> list[str]:
    return choices(field.annotation) if field else []


def choices(annotation: object) -> list[str]:
    """The words that a `Literal` admits, also inside an optional or an array."""
    found = (choices(part) if get_args(part) else [part] for part in get_args(annotation))
    return [word for words in found for word in words if isinstance(word, str)]

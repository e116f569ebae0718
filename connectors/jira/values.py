"""Jira's JSON of one field <-> one typed value of Jira's own vocabulary; it reads no issue and sends nothing.

Names, not ids, are the vocabulary of lists (priority, status, resolution, options, components), since that is
what people configure; people are accountIds (Cloud) or user names (Data Center).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from tieline.connectors.base import FieldKind, Value
from tieline.connectors.errors import Malformed
from tieline.connectors.jira.settings import LABELS
from tieline.connectors.richtext import adf_to_text, canonical_text, text_to_adf, text_to_wiki, wiki_to_text

_RICH_FIELDS: Final = frozenset({"description", "environment"})
_RICH_TYPE: Final = ":textarea"
TEAM_TYPES: Final = ("atlassian-team", "rm-teams-custom-field-team", "rm-team-custom-field-team")
"""The ends of the type keys of a Team field, the newer and the older ones."""
_CASCADE: Final = " > "
_NAMES: Final = ("value", "name", "displayName", "title", "key", "id")
NotSet = Literal["not set"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field as `GET /field` describes it: its id, the name that changelogs show, and its JSON type."""

    id: str
    name: str
    type: str
    items: str = ""
    custom: str = ""

    @property
    def rich(self) -> bool:
        """Whether it holds a document (Cloud) or wiki markup (Data Center) instead of a plain string."""
        return self.id in _RICH_FIELDS or self.custom.endswith(_RICH_TYPE)

    @property
    def team(self) -> bool:
        """Whether it holds an Atlassian team: an object with id and name, written as the bare id."""
        return self.type == "team" or self.custom.rpartition(":")[2] in TEAM_TYPES


def field_of(described: Mapping[str, Any]) -> Field:
    """One entry of `GET /field`."""
    schema = described.get("schema")
    known = schema if isinstance(schema, Mapping) else {}
    return Field(
        id=str(described.get("id", "")),
        name=str(described.get("name", "")),
        type=str(known.get("type", "")),
        items=str(known.get("items", "")),
        custom=str(known.get("custom", "")),
    )


def instant(text: object) -> datetime:
    """A timestamp of Jira (milliseconds, offset without a colon; or milliseconds since 1970) as UTC.

    Malformed if it is none.
    """
    try:
        if isinstance(text, int):
            return datetime.fromtimestamp(text / 1000, UTC)
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"not a time of Jira: {str(text)[:40]!r}") from None


# Reading


def decode(field: Field, kind: FieldKind, raw: Any, *, cloud: bool) -> Value:
    """The typed value of what an issue holds in `field`; empty is None."""
    if field.team:
        return str(raw.get("id") or "") or None if isinstance(raw, Mapping) else _name(raw)
    match kind:
        case "set" if isinstance(raw, Mapping) and raw.get("type") == "doc":
            told = adf_to_text(raw)
            return frozenset({told}) if told else None
        case "group" if isinstance(raw, list) and len(raw) > 1:
            several = frozenset(name for name in map(_name, raw) if name)
            return several if len(several) > 1 else min(several, default=None)
        case "set":
            names = (_name(item) for item in (raw if isinstance(raw, list) else [raw]))
            return frozenset(name for name in names if name) or None
        case "people":
            listed = raw.get("watchers") if isinstance(raw, Mapping) else raw
            ids = (_person(item, cloud=cloud) for item in listed or ())
            return frozenset(id_ for id_ in ids if id_) or None
        case "person":
            return _person((raw or [None])[0] if isinstance(raw, list) else raw, cloud=cloud)
        case "text" | "line" if isinstance(raw, str | Mapping):
            return _text(field, raw, cloud=cloud)
        case _:
            names = (_name(item) for item in (raw if isinstance(raw, list) else [raw]))
            return min((name for name in names if name), default=None)


def _text(field: Field, raw: str | Mapping[str, Any], *, cloud: bool) -> str | None:
    if isinstance(raw, Mapping):
        return adf_to_text(raw) if raw.get("type") == "doc" else canonical_text(_name(raw))
    return wiki_to_text(raw) if field.rich and not cloud else canonical_text(raw)


def _name(raw: Any) -> str | None:
    """What a list's entry is called: its value or name; a cascading one with its child after a `>`."""
    match raw:
        case None:
            return None
        case bool():
            return str(raw).lower()
        case str():
            return canonical_text(raw)
        case int() | float():
            return f"{raw:.15g}"
        case Mapping():
            own = next((str(raw[key]) for key in _NAMES if raw.get(key)), None)
            child = _name(raw.get("child"))
            return f"{own}{_CASCADE}{child}" if own and child else own
        case _:
            raise Malformed(f"a value of an unknown shape ({type(raw).__name__})")


def _person(raw: Any, *, cloud: bool) -> str | None:
    if not isinstance(raw, Mapping):
        return _name(raw)
    keys = ("accountId",) if cloud else ("name", "key")
    return next((str(raw[key]) for key in keys if raw.get(key)), None)


# Writing


def encode(field: Field, value: Value, *, cloud: bool, over: object = None) -> Any:
    """The JSON that sets `field` to `value`; None empties it. ValueError, for people, if it does not fit.

    `over` is the formatted text that it takes the place of: what reads as before keeps its formatting.
    """
    if field.type == "array":
        items = value if isinstance(value, frozenset) else frozenset({value} - {None})
        return [_encoded(field.items, str(item), cloud=cloud) for item in sorted(map(str, items))]
    if isinstance(value, frozenset):
        if len(value) > 1:
            raise ValueError(f"{field.name or field.id} holds one value, not {len(value)}")
        value = next(iter(value), None)
    if value is None:
        return None
    if field.rich:
        return text_to_adf(value, over) if cloud else text_to_wiki(value, over)
    return _encoded(field.type, value, cloud=cloud)


def _encoded(type_: str, value: str, *, cloud: bool) -> Any:
    match type_:
        case "option":
            return {"value": value}
        case "option-with-child":
            parent, _, child = value.partition(_CASCADE)
            return {"value": parent, **({"child": {"value": child}} if child else {})}
        case "priority" | "resolution" | "component" | "version" | "group" | "issuetype" | "securitylevel":
            return {"name": value}
        case "user":
            return {"accountId": value} if cloud else {"name": value}
        case "number":
            return float(value) if "." in value or "e" in value.lower() else int(value)
        case _:
            return value


def edits(field: Field, value: Value, before: Value, *, cloud: bool) -> list[dict[str, Any]] | None:
    """The operations that add and remove elements, so that others' elements stay; None: set the whole value.

    Only labels, components and versions know `add` and `remove` (Jira REST: "Editing issues").
    """
    if field.type != "array" or not _by_element(field) or isinstance(before, str):
        return None
    old, new = _elements(before), _elements(value)
    added = [{"add": _encoded(field.items, item, cloud=cloud)} for item in sorted(new - old)]
    return added + [{"remove": _encoded(field.items, item, cloud=cloud)} for item in sorted(old - new)]


def _by_element(field: Field) -> bool:
    return field.id == LABELS or field.items in {"component", "version"}


def _elements(value: Value) -> frozenset[str]:
    if isinstance(value, frozenset):
        return value
    return frozenset() if value is None else frozenset({value})

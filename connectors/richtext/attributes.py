"""Attributes of nodes and marks as text in another form of markup, and back as the schema types them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tieline.connectors.richtext.model import ATTRS, MARK_ATTRS, Attr


def spelled(value: Any) -> str:
    """A value as text; what is no text as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def typed(name: str, given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The attributes of the node or mark `name`, typed by the schema; the case of their names is free."""
    schema = ATTRS.get(name) or MARK_ATTRS.get(name) or {}
    known = {key.lower(): (key, attr) for key, attr in schema.items()}
    found: dict[str, Any] = {}
    for given_name, raw in given:
        key, attr = known.get(given_name.lower(), (given_name, Attr()))
        found[key] = raw if attr.kind == "text" and key != "marks" else _parsed(raw)
    return found


def _parsed(raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw

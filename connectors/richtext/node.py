"""Reads single nodes of any document: what is known of them, and what can be read in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.richtext.links import safe
from tieline.connectors.richtext.model import ATTRS, MARK_ATTRS, Attr, Mark, Node
from tieline.connectors.richtext.text import readable

_ORDER: Final = {name: number for number, name in enumerate(MARK_ATTRS)}
_EXTERNAL: Final = frozenset({"type", "alt", "height", "width", "url"})


def children_of(node: object) -> list[Node]:
    """The nodes inside a node; anything else in its content is left out."""
    content = node.get("content") if isinstance(node, Mapping) else None
    if not isinstance(content, list | tuple):
        return []
    return [child for child in content if isinstance(child, Mapping)]  # type: ignore[misc]


def kind_of(node: Mapping[str, Any]) -> str:
    """The type that a node or mark names; "" if it names none."""
    kind = node.get("type")
    return kind if isinstance(kind, str) else ""


def own_text(node: Mapping[str, Any]) -> str:
    """The text that stands in a node's attributes."""
    attrs = node.get("attrs")
    if not isinstance(attrs, Mapping):
        return str(node.get("text") or "")
    named = (attrs.get(name) for name in ("title", "text", "alt", "url", "shortName"))
    own = next((value for value in named if isinstance(value, str) and value.strip()), "")
    if not own and isinstance(attrs.get("data"), Mapping):
        own = " ".join(str(attrs["data"][key]) for key in ("name", "url") if attrs["data"].get(key))
    return own or str(node.get("text") or "")


def text_of(node: Node) -> str:
    """All text below a node, however deep, in reading order."""
    found: list[str] = []
    waiting: list[Node] = [node]
    while waiting:
        next_ = waiting.pop()
        found.append(own_text(next_))
        waiting += reversed(children_of(next_))
    return " ".join(filter(None, found))


def attributes(node: Node, kind: str) -> dict[str, Any] | None:
    """The attributes that the schema knows; None if the node cannot stand without what it lacks."""
    raw = node.get("attrs")
    attrs = _known(raw if isinstance(raw, Mapping) else {}, ATTRS.get(kind, {}))
    return None if attrs is None else _consistent(kind, attrs)


def _known(raw: Mapping[str, Any], known: Mapping[str, Attr]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, attr in known.items():
        value = attr.value(_clean(raw[name])) if raw.get(name) is not None else None
        if value is None or (value == "" and not attr.needed):
            value = attr.default
        if value is None and attr.needed:
            return None
        if value is not None:
            found[name] = value
    return found


def _clean(value: Any) -> Any:
    """A value without what cannot be shown, and of JSON's own types."""
    if isinstance(value, str):
        return readable(value)
    return (
        value if isinstance(value, int | float) else json.loads(readable(json.dumps(value, sort_keys=True)))
    )


def _consistent(kind: str, attrs: dict[str, Any]) -> dict[str, Any] | None:
    match kind:
        case "orderedList" if attrs.get("order") == 1:
            return {}
        case "heading":
            return {"level": int(attrs["level"])}
        case "mediaSingle":
            return _sized(attrs)
        case "media":
            return _media(attrs)
        case "inlineCard" | "blockCard":
            return _carded(attrs)
        case "tableCell" | "tableHeader":
            return {
                name: value
                for name, value in attrs.items()
                if not (name in ("colspan", "rowspan") and value == 1)
            }
        case "status" if not attrs["text"].strip():
            return None
        case _:
            return attrs


def _sized(attrs: dict[str, Any]) -> dict[str, Any]:
    if attrs.get("widthType") == "pixel":
        return attrs if "width" in attrs else {"layout": attrs["layout"]}
    return attrs if attrs.get("width", 0) <= 100 else {"layout": attrs["layout"]}


def _media(attrs: dict[str, Any]) -> dict[str, Any] | None:
    if attrs["type"] == "external":
        kept = {name: value for name, value in attrs.items() if name in _EXTERNAL}
        return kept if safe(str(kept.get("url", ""))) else None
    attrs.pop("url", None)
    return {"collection": "", **attrs} if attrs.get("id") else None


def _carded(attrs: dict[str, Any]) -> dict[str, Any] | None:
    url = attrs.get("url")
    if url is not None and not safe(url):
        return None
    if isinstance(attrs.get("datasource"), Mapping):
        return {name: value for name, value in attrs.items() if name != "data"}
    if url is not None:
        return {"url": url}
    return {"data": attrs["data"]} if "data" in attrs else None


def marks_of(node: Mapping[str, Any]) -> list[Mark]:
    """The known marks of a node, outermost first, one of each kind."""
    raw = node.get("marks")
    if not raw:
        return []
    found: dict[str, Mark] = {}
    for mark in raw if isinstance(raw, list | tuple) else ():
        kind = kind_of(mark) if isinstance(mark, Mapping) else ""
        if kind not in MARK_ATTRS or kind in found:
            continue
        given = mark.get("attrs")
        attrs = _known(given if isinstance(given, Mapping) else {}, MARK_ATTRS[kind])
        if attrs is not None:
            found[kind] = {"type": kind, **({"attrs": attrs} if attrs else {})}
    return sorted(found.values(), key=lambda mark: _ORDER[mark["type"]])

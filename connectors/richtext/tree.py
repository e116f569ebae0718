"""Makes any document a valid one in its one canonical shape, without dropping what a reader could read.

What stands where the schema does not allow it is lifted to where it may; what is not known gives the text
inside it; texts lose marks on white space and white space at the ends of lines, which nobody can see.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from tieline.connectors.richtext.links import linked, safe
from tieline.connectors.richtext.model import (
    ATTRS,
    BESIDE_CODE,
    CONTENT,
    FILLED,
    INLINE,
    MARK_ATTRS,
    NEEDLESS,
    TEXT_MARKS,
    WRAPPER,
    Attr,
    Mark,
    Node,
    marks_on,
)
from tieline.connectors.richtext.text import readable

_DEEPEST: Final = 32
"""Blocks inside blocks up to here; below, only the text is kept."""
_ORDER: Final = {name: number for number, name in enumerate(MARK_ATTRS)}
_EXTERNAL: Final = frozenset({"type", "alt", "height", "width", "url"})
_BREAK: Final[Mapping[str, Any]] = {"type": "hardBreak"}


def normalised(document: object) -> Node:
    """The document in canonical shape; applying it twice changes nothing."""
    return {"version": 1, "type": "doc", "content": _blocks(_children(document), "doc", 0)}


def _children(node: object) -> list[Node]:
    content = node.get("content") if isinstance(node, Mapping) else None
    if not isinstance(content, list | tuple):
        return []
    return [child for child in content if isinstance(child, Mapping)]  # type: ignore[misc]


def _kind(node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    return kind if isinstance(kind, str) else ""


# Blocks


def _blocks(nodes: Sequence[Node], parent: str, depth: int) -> list[Node]:
    """The nodes as children of a block that holds blocks."""
    found: list[Node] = []
    for inline, run in groupby(nodes, key=lambda node: _kind(node) in INLINE):
        if inline:
            found += _paragraph(list(run), parent, depth)
        else:
            for node in run:
                found += _block(node, parent, depth)
    kept = [node for node in found if node != {"type": "paragraph"}]
    return _tidied(kept, parent)


def _paragraph(run: list[Node], parent: str, depth: int) -> list[Node]:
    """Inline nodes that stand where blocks belong."""
    if "paragraph" in CONTENT[parent]:
        content = _inlines(run, "paragraph", depth)
        return [{"type": "paragraph", "content": content}] if content else []
    wrapper = WRAPPER.get(parent)
    if wrapper is None or not _inlines(run, "paragraph", depth):
        return []
    return _block({"type": wrapper, "content": run}, parent, depth)


def _block(node: Node, parent: str, depth: int) -> list[Node]:
    kind = _renamed(_kind(node), parent)
    if kind not in CONTENT or kind == "doc":
        return _lifted(node, parent, depth)
    if depth > _DEEPEST:
        return _paragraph([{"type": "text", "text": _text_of(node)}], parent, depth)
    if kind not in CONTENT[parent]:
        wrapper = WRAPPER.get(parent)
        if wrapper is None:
            return _lifted(node, parent, depth)
        return _block({"type": wrapper, "content": [node]}, parent, depth)
    attrs = _attrs(node, kind)
    if attrs is None:
        return _lifted(node, parent, depth)
    return _built(node, kind, parent, attrs, depth)


def _renamed(kind: str, parent: str) -> str:
    match kind:
        case "expand" if "nestedExpand" in CONTENT[parent]:
            return "nestedExpand"
        case "nestedExpand" if "expand" in CONTENT[parent]:
            return "expand"
        case _:
            return kind


def _built(node: Node, kind: str, parent: str, attrs: dict[str, Any], depth: int) -> list[Node]:
    children = _children(node)
    if not CONTENT[kind]:
        content: list[Node] = []
    elif kind == "codeBlock":
        content = _code(children, nested=depth > 0)
    elif CONTENT[kind] <= INLINE:
        content = _inlines(children, kind, depth + 1)
    else:
        content = _blocks(children, kind, depth + 1)
    if not content and kind in NEEDLESS:
        return []
    if not content and kind in FILLED:
        content = [{"type": "paragraph"}]
    if kind == "blockTaskItem" and [child["type"] for child in content] == ["paragraph"]:
        kind, content = "taskItem", content[0].get("content", [])
    built: Node = {"type": kind}
    if attrs:
        built["attrs"] = attrs
    if content or (kind == "tableRow"):
        built["content"] = content
    marks = [mark for mark in _marks(node) if mark["type"] in marks_on(kind, parent)]
    if marks and (content or kind != "paragraph"):
        built["marks"] = _compatible(marks)
    return [built]


def _compatible(marks: list[Mark]) -> list[Mark]:
    """Alignment and indentation exclude each other."""
    aligned = any(mark["type"] == "alignment" for mark in marks)
    return [mark for mark in marks if not (aligned and mark["type"] == "indentation")]


def _tidied(nodes: list[Node], parent: str) -> list[Node]:
    """Children in the shape that only some blocks ask for."""
    match parent:
        case "layoutSection" if len(nodes) == 1 or len(nodes) > 3:
            return _columns(nodes)
        case "mediaSingle":
            media = [node for node in nodes if node["type"] == "media"][:1]
            return media + [node for node in nodes if node["type"] == "caption" and node.get("content")][
                :1
            ] * len(media)
        case "taskList":
            return _led_by_item(nodes)
        case "table":
            return [row for row in nodes if row.get("content")]
        case _:
            return nodes


def _columns(nodes: list[Node]) -> list[Node]:
    """Two or three columns: the schema has no other number."""
    if len(nodes) == 1:
        return [
            nodes[0],
            {"type": "layoutColumn", "attrs": {"width": 50}, "content": [{"type": "paragraph"}]},
        ]
    rest = [child for node in nodes[2:] for child in node["content"] if child != {"type": "paragraph"}]
    return [*nodes[:2], {**nodes[2], "content": rest or [{"type": "paragraph"}]}]


def _led_by_item(nodes: list[Node]) -> list[Node]:
    """A task list never starts with a task list: that one's items are its own."""
    while nodes and nodes[0]["type"] == "taskList":
        nodes = nodes[0]["content"] + nodes[1:]
    return nodes


def _lifted(node: Node, parent: str, depth: int) -> list[Node]:
    """What can be read in a node that may not stand here."""
    own = _own_text(node)
    shown: list[Node] = [{"type": "paragraph", "content": [{"type": "text", "text": own}]}] if own else []
    if depth > _DEEPEST:
        return _paragraph([{"type": "text", "text": _text_of(node)}], parent, depth)
    found = _blocks(shown, parent, depth + 1) if shown else []
    return found + _blocks(_children(node), parent, depth + 1)


def _own_text(node: Mapping[str, Any]) -> str:
    """The text that stands in a node's attributes."""
    attrs = node.get("attrs")
    if not isinstance(attrs, Mapping):
        return str(node.get("text") or "")
    named = (attrs.get(name) for name in ("title", "text", "alt", "url", "shortName"))
    own = next((value for value in named if isinstance(value, str) and value.strip()), "")
    if not own and isinstance(attrs.get("data"), Mapping):
        own = " ".join(str(attrs["data"][key]) for key in ("name", "url") if attrs["data"].get(key))
    return own or str(node.get("text") or "")


def _text_of(node: Node) -> str:
    """All text below a node, however deep, in reading order."""
    found: list[str] = []
    waiting: list[Node] = [node]
    while waiting:
        next_ = waiting.pop()
        found.append(_own_text(next_))
        waiting += reversed(_children(next_))
    return " ".join(filter(None, found))


def _code(children: list[Node], *, nested: bool) -> list[Node]:
    text = "".join(
        "\n" if _kind(child) == "hardBreak" else str(child.get("text") or "") for child in children
    )
    lines = [line.rstrip() for line in readable(text).split("\n")]
    if nested:  # a tab after the indent of a list has no width of its own
        lines = [_untabbed(line) for line in lines]
    joined = "\n".join(lines)
    return [{"type": "text", "text": joined}] if joined else []


def _untabbed(line: str) -> str:
    body = line.lstrip()
    return line[: len(line) - len(body)].replace("\t", "    ") + body


# Attributes and marks


def _attrs(node: Node, kind: str) -> dict[str, Any] | None:
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


def _marks(node: Mapping[str, Any]) -> list[Mark]:
    """The known marks of a node, outermost first, one of each kind."""
    raw = node.get("marks")
    found: dict[str, Mark] = {}
    for mark in raw if isinstance(raw, list | tuple) else ():
        kind = _kind(mark) if isinstance(mark, Mapping) else ""
        if kind not in MARK_ATTRS or kind in found:
            continue
        given = mark.get("attrs")
        attrs = _known(given if isinstance(given, Mapping) else {}, MARK_ATTRS[kind])
        if attrs is not None:
            found[kind] = {"type": kind, **({"attrs": attrs} if attrs else {})}
    return sorted(found.values(), key=lambda mark: _ORDER[mark["type"]])


# Lines of text


def _inlines(nodes: Sequence[Node], parent: str, depth: int) -> list[Node]:
    """The nodes as children of a block that holds text."""
    spread = [part for node in nodes for part in _inline(node, parent, depth)]
    while spread and spread[0] is _SOFT:
        spread.pop(0)
    merged = _merged({**_BREAK} if node is _SOFT else node for node in spread)
    return _merged(_trimmed(_bared(linked(merged))))


_SOFT: Final[Node] = {"type": "hardBreak"}
"""The line break between blocks that were made one; it is not put first."""


def _inline(node: Node, parent: str, depth: int) -> list[Node]:
    kind = _kind(node)
    match kind:
        case "text":
            return _texts(str(node.get("text") or ""), _text_marks(node))
        case "hardBreak":
            return [{**_BREAK}]
    if kind in INLINE and kind in CONTENT[parent]:
        attrs = _attrs(node, kind)
        if attrs is not None:
            marks = [mark for mark in _marks(node) if mark["type"] in marks_on(kind, parent)]
            return [
                {"type": kind, **({"attrs": attrs} if attrs else {}), **({"marks": marks} if marks else {})}
            ]
    if depth > _DEEPEST + 1:
        return _texts(_text_of(node), [])
    own = [] if kind in CONTENT and kind not in {"expand", "nestedExpand"} else _texts(_own_text(node), [])
    if kind in CONTENT and not CONTENT[kind]:
        own = _texts(_own_text(node), [])
    inside = [part for child in _children(node) for part in _inline(child, parent, depth + 1)]
    return own + inside if kind in INLINE else [_SOFT, *own, *inside]


def _texts(text: str, marks: list[Mark]) -> list[Node]:
    """Text nodes with line breaks between them."""
    found: list[Node] = []
    for number, line in enumerate(readable(text).split("\n")):
        if number:
            found.append({**_BREAK})
        if line:
            found.append({"type": "text", "text": line, **({"marks": marks} if marks else {})})
    return found


def _text_marks(node: Node) -> list[Mark]:
    marks = [mark for mark in _marks(node) if mark["type"] in TEXT_MARKS]
    if any(mark["type"] == "code" for mark in marks):
        marks = [mark for mark in marks if mark["type"] in BESIDE_CODE]
    return marks


def _bared(nodes: Iterable[Node]) -> Iterable[Node]:
    """White space at the ends of a marked text keeps its link only; unsafe links become text."""
    for node in nodes:
        marks = node.get("marks", ())
        if node["type"] != "text" or not marks:
            yield node
            continue
        yield from (
            _linked(node)
            if marks[0]["type"] == "link" and not safe(marks[0]["attrs"]["href"])
            else _split(node)
        )


def _linked(node: Node) -> Iterable[Node]:
    href = node["marks"][0]["attrs"]["href"]
    rest = {**node, "marks": node["marks"][1:]}
    yield from _split(rest if rest["marks"] else {"type": "text", "text": node["text"]})
    if node["text"].strip() != href.strip():
        yield {"type": "text", "text": f" ({href})"}


def _split(node: Node) -> Iterable[Node]:
    text, marks = node["text"], node.get("marks", [])
    if any(mark["type"] == "code" for mark in marks):
        yield node
        return
    body = text.strip()
    before, _, after = text.partition(body) if body else (text, "", "")
    links = [mark for mark in marks if mark["type"] == "link"]
    for part, kept in ((before, links), (body, marks), (after, links)):
        if part:
            yield {"type": "text", "text": part, **({"marks": kept} if kept else {})}


def _merged(nodes: Iterable[Node]) -> list[Node]:
    """Neighbouring texts with the same marks as one."""
    found: list[Node] = []
    for node in nodes:
        last = found[-1] if found else None
        if (
            node["type"] == "text"
            and last
            and last["type"] == "text"
            and last.get("marks") == node.get("marks")
        ):
            found[-1] = {**last, "text": last["text"] + node["text"]}
        else:
            found.append(node)
    return found


def _trimmed(nodes: Iterable[Node]) -> list[Node]:
    """The nodes without white space at the ends of lines, and without breaks at the end."""
    found: list[Node] = []
    for node in nodes:
        if node["type"] == "hardBreak":
            _shorten(found)
        found.append(node)
    _shorten(found)
    while found and found[-1]["type"] == "hardBreak":
        found.pop()
        _shorten(found)
    return found


def _shorten(found: list[Node]) -> None:
    while found and found[-1]["type"] == "text":
        text = found[-1]["text"].rstrip()
        if text:
            found[-1] = {**found[-1], "text": text}
            return
        found.pop()

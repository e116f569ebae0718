"""What the Atlassian Document Format knows: its nodes, what each may hold, its marks and attributes.

Taken from Atlassian's published schema ("full"); `localId`s, which mean nothing to a reader, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

Node = dict[str, Any]
Mark = dict[str, Any]

INLINE: Final = frozenset(
    {
        "text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "placeholder",
        "inlineExtension", "mediaInline",
    }
)  # fmt: skip
_MEDIA: Final = frozenset({"mediaSingle", "mediaGroup"})
_LISTS: Final = frozenset({"bulletList", "orderedList"})
_PLAIN: Final = _LISTS | _MEDIA | {"paragraph", "codeBlock", "extension"}
_WIDE: Final = _PLAIN | {"heading", "panel", "blockquote", "rule", "decisionList", "taskList", "blockCard"}
_NESTED: Final = _WIDE | {"table", "embedCard"}
_TOP: Final = _NESTED | {"expand", "bodiedExtension"}

CONTENT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "doc": _TOP | {"layoutSection", "syncBlock", "bodiedSyncBlock"},
        "paragraph": INLINE,
        "heading": INLINE,
        "codeBlock": frozenset({"text"}),
        "rule": frozenset(),
        "bulletList": frozenset({"listItem"}),
        "orderedList": frozenset({"listItem"}),
        "listItem": _LISTS | {"paragraph", "taskList", "mediaSingle", "codeBlock", "extension"},
        "blockquote": _PLAIN,
        "panel": _WIDE - {"panel", "blockquote"},
        "expand": _NESTED | {"nestedExpand"},
        "nestedExpand": _WIDE - {"blockCard"},
        "table": frozenset({"tableRow"}),
        "tableRow": frozenset({"tableCell", "tableHeader"}),
        "tableCell": _WIDE | {"embedCard", "nestedExpand"},
        "tableHeader": _WIDE | {"embedCard", "nestedExpand"},
        "taskList": frozenset({"taskItem", "taskList", "blockTaskItem"}),
        "taskItem": INLINE,
        "blockTaskItem": frozenset({"paragraph", "extension"}),
        "decisionList": frozenset({"decisionItem"}),
        "decisionItem": INLINE,
        "mediaSingle": frozenset({"media", "caption"}),
        "mediaGroup": frozenset({"media"}),
        "media": frozenset(),
        "caption": INLINE - {"inlineExtension", "mediaInline"},
        "layoutSection": frozenset({"layoutColumn"}),
        "layoutColumn": _TOP,
        "bodiedExtension": _NESTED,
        "bodiedSyncBlock": _TOP - {"extension", "bodiedExtension"} | {"layoutSection"},
        "syncBlock": frozenset(),
        "extension": frozenset(),
        "blockCard": frozenset(),
        "embedCard": frozenset(),
    }
)
"""The blocks, and what each may hold."""

WRAPPER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bulletList": "listItem",
        "orderedList": "listItem",
        "taskList": "taskItem",
        "decisionList": "decisionItem",
        "table": "tableRow",
        "tableRow": "tableCell",
        "layoutSection": "layoutColumn",
    }
)
"""What anything else is put into, where a block takes one kind of child only."""

FILLED: Final = frozenset(
    {
        "listItem", "blockquote", "panel", "expand", "nestedExpand", "tableCell", "tableHeader",
        "layoutColumn", "bodiedExtension", "bodiedSyncBlock", "blockTaskItem",
    }
)  # fmt: skip
"""Blocks that hold at least a paragraph, be it empty."""

NEEDLESS: Final = frozenset(
    {
        "bulletList", "orderedList", "taskList", "decisionList", "table", "mediaGroup", "mediaSingle",
        "layoutSection",
    }
)  # fmt: skip
"""Blocks that are nothing without children."""


@dataclass(frozen=True, slots=True)
class Attr:
    """One attribute: its type, what it must be, and what it is where it is missing and must not be."""

    kind: Literal["text", "number", "flag", "json"] = "text"
    one_of: frozenset[str] = frozenset()
    pattern: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    default: Any = None
    needed: bool = False

    def value(self, raw: object) -> Any:
        """The value as the schema takes it; None if it does not."""
        match self.kind:
            case "text":
                text = " ".join(str(raw).split("\n")) if isinstance(raw, str | int | float) else None
                return text if text is not None and self._fits(text) else None
            case "number":
                number = isinstance(raw, int | float) and not isinstance(raw, bool)
                return raw if number and self.low <= raw <= self.high else None  # type: ignore[operator]
            case "flag":
                return raw if isinstance(raw, bool) else None
            case _:
                return raw

    def _fits(self, text: str) -> bool:
        allowed = not self.one_of or text in self.one_of
        return allowed and (not self.pattern or re.fullmatch(self.pattern, text) is not None)


def _one(*allowed: str, default: str | None = None) -> Attr:
    return Attr(one_of=frozenset(allowed), default=default, needed=default is not None)


_TEXT: Final = Attr()
_ID: Final = Attr(pattern=r"(?s).+", needed=True)
_ANY: Final = Attr("json")
_SIZE: Final = Attr("number", low=0)
_FLAG: Final = Attr("flag")
_COLOR: Final = Attr(pattern="#[0-9a-fA-F]{6}", needed=True)
_LAYOUTS: Final = ("wide", "full-width", "center", "wrap-right", "wrap-left", "align-end", "align-start")
_VALIGN: Final = _one("top", "middle", "bottom")
_CELL: Final = {
    "colspan": Attr("number", low=1), "rowspan": Attr("number", low=1), "colwidth": _ANY, "background": _TEXT,
    "valign": _VALIGN,
}  # fmt: skip
_EXTENSION: Final = {"extensionKey": _ID, "extensionType": _ID, "parameters": _ANY, "text": _TEXT}
_EXTENSION_LAYOUT: Final = {"layout": _one("wide", "full-width", "default")}
_FILE: Final = {
    "id": _ID, "collection": Attr(default="", needed=True), "alt": _TEXT, "width": _SIZE, "height": _SIZE,
    "occurrenceKey": Attr(pattern="(?s).+"),
}  # fmt: skip
_SYNC: Final = {"resourceId": _ID, "localId": _ID}

ATTRS: Final[Mapping[str, Mapping[str, Attr]]] = MappingProxyType(
    {
        "heading": {"level": Attr("number", low=1, high=6, default=1, needed=True)},
        "codeBlock": {"language": Attr(pattern=".+"), "wrap": _FLAG, "hideLineNumbers": _FLAG},
        "orderedList": {"order": Attr("number", low=0)},
        "panel": {
            "panelType": _one(
                "info", "note", "tip", "warning", "error", "success", "custom", default="info"
            ),
            "panelIcon": _TEXT, "panelIconId": _TEXT, "panelIconText": _TEXT, "panelColor": _TEXT,
        },
        "expand": {"title": _TEXT},
        "nestedExpand": {"title": Attr(default="", needed=True)},
        "table": {
            "displayMode": _one("default", "fixed"), "isNumberColumnEnabled": _FLAG,
            "layout": _one("wide", "full-width", "center", "align-end", "align-start", "default"),
            "width": Attr("number"),
        },
        "tableCell": _CELL,
        "tableHeader": _CELL,
        "taskItem": {"state": _one("TODO", "DONE", default="TODO")},
        "blockTaskItem": {"state": _one("TODO", "DONE", default="TODO")},
        "decisionItem": {"state": Attr(default="DECIDED", needed=True)},
        "mediaSingle": {
            "layout": _one(*_LAYOUTS, default="center"), "width": _SIZE,
            "widthType": _one("percentage", "pixel"),
        },
        "media": {
            "type": _one("link", "file", "external", default="file"), **_FILE, "id": Attr(pattern="(?s).+"),
            "collection": _TEXT, "url": _TEXT,
        },
        "mediaInline": {"type": _one("link", "file", "image"), **_FILE, "data": _ANY},
        "layoutColumn": {
            "width": Attr("number", low=0, high=100, default=50, needed=True), "valign": _VALIGN,
        },
        "mention": {
            "id": _ID, "text": _TEXT, "accessLevel": _TEXT, "userType": _one("DEFAULT", "SPECIAL", "APP"),
        },
        "emoji": {"shortName": Attr(needed=True), "id": _TEXT, "text": _TEXT},
        "date": {"timestamp": _ID},
        "status": {
            "text": _ID, "style": _TEXT,
            "color": Attr(
                pattern="neutral|purple|blue|red|yellow|green|#[0-9a-fA-F]{6}", default="neutral", needed=True
            ),
        },
        "placeholder": {"text": _ID},
        "inlineCard": {"url": _TEXT, "data": _ANY},
        "blockCard": {
            "url": _TEXT, "data": _ANY, "datasource": _ANY, "width": Attr("number"),
            "layout": _one(*_LAYOUTS),
        },
        "embedCard": {
            "url": Attr(needed=True), "layout": _one(*_LAYOUTS, default="center"),
            "width": Attr("number", low=0, high=100),
            "originalHeight": Attr("number"), "originalWidth": Attr("number"),
        },
        "extension": {**_EXTENSION, **_EXTENSION_LAYOUT},
        "bodiedExtension": {**_EXTENSION, **_EXTENSION_LAYOUT},
        "inlineExtension": _EXTENSION,
        "syncBlock": _SYNC,
        "bodiedSyncBlock": _SYNC,
    }
)  # fmt: skip

MARK_ATTRS: Final[Mapping[str, Mapping[str, Attr]]] = MappingProxyType(
    {
        "link": {"href": _ID, "title": Attr(pattern="(?s).+")},
        "annotation": {"id": _ID, "annotationType": _one("inlineComment", default="inlineComment")},
        "border": {
            "size": Attr("number", low=1, high=3, needed=True),
            "color": Attr(pattern="#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})", needed=True),
        },
        "backgroundColor": {"color": _COLOR},
        "textColor": {"color": _COLOR},
        "subsup": {"type": Attr(one_of=frozenset({"sub", "sup"}), needed=True)},
        "underline": {},
        "strike": {},
        "strong": {},
        "em": {},
        "code": {},
        "alignment": {"align": Attr(one_of=frozenset({"center", "end"}), needed=True)},
        "indentation": {"level": Attr("number", low=1, high=6, needed=True)},
        "breakout": {
            "mode": Attr(one_of=frozenset({"wide", "full-width"}), needed=True), "width": Attr("number"),
        },
        "fontSize": {"fontSize": Attr(one_of=frozenset({"small"}), needed=True)},
        "dataConsumer": {"sources": Attr("json", needed=True)},
        "fragment": {"localId": _ID, "name": _TEXT},
    }
)  # fmt: skip
"""The marks, outermost first where several stand on one text."""

TEXT_MARKS: Final = frozenset(
    {
        "link", "annotation", "backgroundColor", "textColor", "subsup", "underline", "strike", "strong", "em",
        "code",
    }
)  # fmt: skip
BESIDE_CODE: Final = frozenset({"code", "link", "annotation"})
_ON_MEDIA: Final = frozenset({"link", "annotation", "border", "dataConsumer"})
_ON_EXTENSION: Final = frozenset({"dataConsumer", "fragment"})
_FREE: Final = frozenset({"doc", "layoutColumn", "bodiedSyncBlock"})
_SMALL_IN: Final = frozenset(
    {"listItem", "panel", "expand", "nestedExpand", "blockTaskItem", "bodiedExtension"}
)


def marks_on(kind: str, parent: str) -> frozenset[str]:
    """The marks that a node of this kind may carry inside a `parent`."""
    match kind:
        case "paragraph" if parent in _FREE:
            return frozenset({"alignment", "indentation", "fontSize"})
        case "paragraph" if parent in {"tableCell", "tableHeader"}:
            return frozenset({"alignment", "fontSize"})
        case "paragraph":
            return frozenset({"fontSize"}) if parent in _SMALL_IN else frozenset()
        case "heading" if parent in _FREE | {"tableCell", "tableHeader"}:
            return frozenset({"alignment", "indentation"})
        case "codeBlock" | "expand":
            return frozenset({"breakout"}) if parent == "doc" else frozenset()
        case "layoutSection" | "syncBlock" | "bodiedSyncBlock":
            return frozenset({"breakout"})
        case "mediaSingle":
            return frozenset({"link"})
        case "media" | "mediaInline":
            return _ON_MEDIA
        case "extension" | "bodiedExtension" | "inlineExtension":
            return _ON_EXTENSION
        case "table":
            return frozenset({"fragment"})
        case _:
            return frozenset()

"""Puts the caller's answers about people and pictures into a tree; without one, their names are text."""

from __future__ import annotations

from typing import Any

from tieline.connectors.richtext.hooks import Image, ImageHook, Mention, MentionHook
from tieline.connectors.richtext.model import Node


def nobody(_mention: Mention) -> None:
    """The answer that mentions nobody."""


def no_image(_image: Image) -> None:
    """The answer that shows no picture."""


def answered(node: Node, mention: MentionHook | None, image: ImageHook | None) -> Node:
    """The tree with each mention and picture as the hooks say; no hook leaves them as they are."""
    if mention is None and image is None:
        return node
    match node["type"]:
        case "mention" if mention is not None:
            return _mentioned(node, mention)
        case "media" | "mediaInline" if image is not None:
            return _pictured(node, image)
    if "content" not in node:
        return node
    content = [answered(child, mention, image) for child in node["content"]]
    outside = node["type"] in {"mediaSingle", "mediaGroup"} and any(c["type"] == "text" for c in content)
    return {**node, "content": content, **({"type": "group"} if outside else {})}


def _mentioned(node: Node, hook: MentionHook) -> Node:
    attrs = node.get("attrs", {})
    shown = str(attrs.get("text") or "@" + str(attrs.get("id", "")))
    found = hook(Mention(str(attrs.get("id", "")), shown.removeprefix("@")))
    if found is None:
        return {"type": "text", "text": shown, "marks": node.get("marks", [])}
    return {**node, "attrs": {**attrs, "id": found.id, "text": f"@{found.name}"}}


def _pictured(node: Node, hook: ImageHook) -> Node:
    attrs = node.get("attrs", {})
    name, id_, url = (str(attrs.get(key) or "") for key in ("alt", "id", "url"))
    found = hook(Image(name or id_ or url, id_, url))
    if found is None:
        web = url if url.startswith(("http://", "https://")) else ""
        marks = [{"type": "link", "attrs": {"href": web}}] if web else node.get("marks", [])
        return {"type": "text", "text": name or web or id_ or "image", "marks": marks}
    if (found.name, found.id, found.url) == (name or id_ or url, id_, url):
        return node
    return {**node, "attrs": _attrs(node["type"], attrs, found)}


def _attrs(kind: str, attrs: dict[str, Any], found: Image) -> dict[str, Any]:
    kept: dict[str, Any] = {key: attrs[key] for key in ("width", "height") if key in attrs}
    if found.url and kind == "media":
        return {"type": "external", "url": found.url, "alt": found.name, **kept}
    return {"type": "file", "id": found.id or found.name, "collection": "", "alt": found.name, **kept}

"""Writes a canonical tree as Jira's wiki markup (Jira: "Text Formatting Notation Help").

What wiki markup has no sign for stands between two anchors, which show nothing, and shows its text: the first
anchor's name tells what it is, so that it can be read back.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, Final

from tieline.connectors.richtext.dates import day
from tieline.connectors.richtext.markdown_writer import SHOWN
from tieline.connectors.richtext.model import CONTENT, INLINE, Node

END: Final = "{anchor:adf.}"
PANELS: Final[Mapping[str, str]] = {
    "info": "#deebff",
    "note": "#eae6ff",
    "tip": "#e6fcff",
    "success": "#e3fcef",
    "warning": "#fffae6",
    "error": "#ffebe6",
}
"""The background by which each kind of panel is known: Jira's own wiki view uses these."""
SIGNS: Final[Mapping[str, str]] = {"strong": "*", "em": "_", "strike": "-", "underline": "+"}
_LISTS: Final[Mapping[str, str]] = {"bulletList": "*", "orderedList": "#"}
BOXES: Final[Mapping[str, str]] = {"TODO": "☐ ", "DONE": "☑ "}
FILE: Final = re.compile(r"[^\s!|\[\]{}\\^~#][^!|\[\]{}\\\n]*(?<!\s)\.\w{1,8}")
"""A file name that may stand between exclamation marks."""
URL: Final = re.compile(r"https?://(?:[^\s\\\[\]{}|!^~<>\"&]|&(?=\w+=))+")
_HREF: Final = re.compile(r"(?:[a-z]+:|/|#)[^\s|\[\]{}\\!&^~]+(?:&\w+=[^\s|\[\]{}\\!&^~]*)*")
_LANGUAGE: Final = re.compile(r"[\w#+.-]+")


def written(tree: Node) -> str:
    """The markup of a canonical tree."""
    return _blocks(tree.get("content", ()))


def _blocks(nodes: Iterable[Node]) -> str:
    return "\n\n".join(_block(node) for node in nodes)


def _block(node: Node) -> str:
    body = _native(node)
    if body is None:
        body = _marked_off(node["type"], _told(node), _shown(node))
    for mark in reversed(node.get("marks", ())):
        body = _marked_off(mark["type"], mark.get("attrs", {}), body)
    return body


def _native(node: Node) -> str | None:
    """The block in markup that Jira knows; None if it has none."""
    attrs, content = node.get("attrs", {}), node.get("content", ())
    match node["type"]:
        case "paragraph" if not _alone(content):
            return _lines(content)
        case "heading" if content:
            return f"h{attrs['level']}. {_line(content)}"
        case "codeBlock":
            return _code(attrs, "".join(child["text"] for child in content))
        case "blockquote":
            return f"{{quote}}\n{_blocks(content)}\n{{quote}}"
        case "rule":
            return "----"
        case "panel" if attrs.keys() == {"panelType"} and attrs["panelType"] in PANELS:
            return f"{{panel:bgColor={PANELS[attrs['panelType']]}}}\n{_blocks(content)}\n{{panel}}"
        case "bulletList" | "orderedList" if _is_plain_list(node):
            return "\n".join(_items(node, ""))
        case "table" if _is_plain_table(node):
            return "\n".join(_row(row["content"]) for row in content)
        case "mediaSingle" if (name := _picture(node)) is not None:
            return f"!{name}!"
        case _:
            return None


def _told(node: Node) -> Mapping[str, Any]:
    """What the anchor tells: attributes, and code as it is, since its spaces are lost in a paragraph."""
    attrs: Mapping[str, Any] = node.get("attrs", {})
    if node["type"] != "codeBlock":
        return attrs
    return {**attrs, "code": "".join(child["text"] for child in node.get("content", ()))}


def _shown(node: Node) -> str:
    """What is seen of a block that has no markup of its own."""
    attrs, content = node.get("attrs", {}), node.get("content", ())
    kind = node["type"]
    if kind == "codeBlock":
        return escaped("".join(child["text"] for child in content), inside=True)
    if CONTENT[kind] and CONTENT[kind] <= INLINE:
        return BOXES.get(str(attrs.get("state", "")), "") + _line(content)
    title = f"*{escaped(attrs['title'], inside=True)}*\n\n" if attrs.get("title", "").strip() else ""
    if not CONTENT[kind]:
        return escaped(str(attrs.get("alt") or attrs.get("url") or attrs.get("text") or ""), inside=True)
    return title + _blocks(content)


def _marked_off(kind: str, attrs: Mapping[str, Any], body: str) -> str:
    return f"{anchor(kind, attrs)}\n{body}\n{END}"


def anchor(kind: str, attrs: Mapping[str, Any]) -> str:
    """The anchor that begins a node or mark of this kind."""
    text = json.dumps([kind, attrs], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f"{{anchor:adf.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}}}"


def _code(attrs: Mapping[str, Any], text: str) -> str | None:
    language = attrs.get("language", "")
    if attrs.keys() - {"language"} or (language and not _LANGUAGE.fullmatch(language)):
        return None
    if "{code" not in text:
        return f"{{code{':' + language if language else ':none'}}}\n{text}\n{{code}}"
    return None if language or "{noformat" in text else f"{{noformat}}\n{text}\n{{noformat}}"


def _alone(content: Sequence[Node]) -> bool:
    """Whether a paragraph is one picture, which would be read as a block."""
    return len(content) == 1 and content[0]["type"] == "mediaInline"


def _picture(node: Node) -> str | None:
    """The file's name, where a picture is nothing but that."""
    media = node["content"][0]
    attrs = media["attrs"]
    name = attrs.get("alt", "")
    bare = node.get("attrs") == {"layout": "center"} and not node.get("marks") and not media.get("marks")
    named = attrs == {"type": "file", "id": name, "collection": "", "alt": name} and FILE.fullmatch(name)
    return name if bare and named and len(node["content"]) == 1 else None


# Lists and tables


def _is_plain_list(node: Node) -> bool:
    return not node.get("attrs") and all(_is_plain_item(item) for item in node["content"])


def _is_plain_item(item: Node) -> bool:
    first, *rest = item["content"]
    kinds = [child["type"] for child in rest]
    apart = all(one != two for one, two in pairwise(kinds))
    text = first["type"] == "paragraph" and not first.get("marks") and bool(first.get("content"))
    return text and apart and all(kind in _LISTS for kind in kinds) and all(map(_is_plain_list, rest))


def _items(node: Node, bullets: str) -> Iterable[str]:
    bullets += _LISTS[node["type"]]
    for item in node["content"]:
        first, *rest = item["content"]
        yield f"{bullets} {_line(first['content'])}"
        for child in rest:
            yield from _items(child, bullets)


def _is_plain_table(node: Node) -> bool:
    cells = [cell for row in node["content"] for cell in row["content"]]
    return not node.get("attrs") and not node.get("marks") and all(_is_plain_cell(cell) for cell in cells)


def _is_plain_cell(cell: Node) -> bool:
    first, *rest = cell["content"]
    text = first["type"] == "paragraph" and not first.get("marks") and not _alone(first.get("content", ()))
    return text and not rest and not cell.get("attrs")


def _row(cells: Sequence[Node]) -> str:
    out = ""
    for cell in cells:
        sign = "||" if cell["type"] == "tableHeader" else "|"
        out += f"{sign}{_line(cell['content'][0].get('content', ())) or ' '}"
    return out + ("||" if cells[-1]["type"] == "tableHeader" else "|")


# Lines of text


def _lines(nodes: Sequence[Node]) -> str:
    """Inline nodes, each line on a line of its own; empty lines are forced."""
    parts = _broken(nodes)
    out = parts[0]
    for before, part in pairwise(parts):
        out += ("\n" if before and part else "\\\\") + part
    return out


def _line(nodes: Sequence[Node]) -> str:
    """Inline nodes on one line, as in a heading, an item or a cell."""
    text = "\\\\".join(_broken(nodes))
    return f"&#{ord(text[0])};{text[1:]}" if text[:1].isspace() else text


def _broken(nodes: Sequence[Node]) -> list[str]:
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if node["type"] == "hardBreak":
            parts.append([])
        else:
            parts[-1].append(node)
    return [_spanned(part, inside=False, begins=True) for part in parts]


def _spanned(nodes: Sequence[Node], *, inside: bool, begins: bool) -> str:
    """Inline nodes of one line; `inside` of marks, every sign is escaped."""
    out = ""
    runs = [(outer, list(run)) for outer, run in groupby(nodes, key=_outer)]
    for number, (outer, group) in enumerate(runs):
        if outer is None:
            for node in group:
                out += _leaf(node, inside=inside, begins=begins and not out)
        else:
            mark = json.loads(outer)
            inner = [{**node, "marks": node["marks"][1:]} for node in group]
            apart = (not out or out[-1].isspace()) and (
                number + 1 == len(runs) or _spaced(runs[number + 1][1][0])
            )
            out += _wrapped(mark["type"], mark.get("attrs", {}), inner, apart=apart and not inside)
    return out


def _outer(node: Node) -> str | None:
    marks = node.get("marks")
    return json.dumps(marks[0], sort_keys=True) if marks and node["type"] == "text" else None


def _spaced(node: Node) -> bool:
    return node["type"] == "text" and not node.get("marks") and node["text"][0].isspace()


def _wrapped(kind: str, attrs: Mapping[str, Any], group: list[Node], *, apart: bool) -> str:
    if kind == "link":
        return _link(attrs, group, apart=apart)
    inner = _spanned(group, inside=True, begins=False)
    if kind == "code" and not inner.startswith(" ") and not inner.endswith(" "):
        return f"{{{{{inner}}}}}"
    sign = (
        {"sub": "~", "sup": "^"}.get(attrs.get("type", ""), "") if kind == "subsup" else SIGNS.get(kind, "")
    )
    if sign:
        return f"{sign}{inner}{sign}" if apart else f"{{{sign}}}{inner}{{{sign}}}"
    if kind == "textColor":
        return f"{{color:{attrs['color']}}}{inner}{{color}}"
    return f"{anchor(kind, attrs)}{inner}{END}"


def _link(attrs: Mapping[str, Any], group: list[Node], *, apart: bool) -> str:
    href = attrs["href"]
    alone = len(group) == 1 and not group[0]["marks"] and group[0]["text"] == href
    if attrs.keys() == {"href"} and alone and apart and URL.fullmatch(href):
        return str(href)
    if attrs.keys() == {"href"} and _HREF.fullmatch(href):
        return f"[{_spanned(group, inside=True, begins=False)}|{href}]"
    return f"{anchor('link', attrs)}{_spanned(group, inside=True, begins=False)}{END}"


def _leaf(node: Node, *, inside: bool, begins: bool) -> str:
    kind, attrs = node["type"], node.get("attrs", {})
    if kind == "text":
        return escaped(node["text"], inside=inside, begins=begins)
    if kind == "mediaInline" and not node.get("marks"):
        name = attrs.get("alt", "")
        named = FILE.fullmatch(name) and {**attrs, "type": ""} == {
            "type": "",
            "id": name,
            "collection": "",
            "alt": name,
        }
        if named and attrs.get("type") in {"file", "link"}:
            return f"!{name}!" if attrs["type"] == "file" else f"[^{name}]"
    id_ = attrs.get("id", "")
    user = f"[~{id_}]" if kind == "mention" and re.fullmatch(r"[^\s\[\]{}|\\~]+", id_) else ""
    if user and attrs == {"id": id_, "text": f"@{id_}"}:
        return user
    shown = attrs.get(SHOWN[kind], "") if kind in SHOWN else day(attrs.get("timestamp", ""))
    marks = {"marks": node["marks"]} if node.get("marks") else {}
    return f"{anchor(kind, {**attrs, **marks})}{user or escaped(shown, inside=True)}{END}"


_SIGN: Final = re.compile(
    r"""
      (?P<backslash>\\)(?![A-Za-z0-9])
    | (?P<reference>&)(?=\#?\w+;)                                       # would show as one character
    | (?P<mark>
        [{}\[\]|^~] | !(?=\S) | (?<!\w)[*_+-](?=\S) | -(?=-) | (?<=-)- | \?(?=\?) | (?<=\?)\?
      | [:;](?=[()PD]) | \((?=(?:[yni/x!+?-]|on|off|\*[rgby]?|flag|flagoff)\))   # phrases, links, icons
      )
    """,
    re.VERBOSE,
)
_ANY: Final = re.compile(r"(?P<backslash>\\)|(?P<reference>&)(?=\#?\w+;|$)|(?P<mark>[{}\[\]|^~!*_+?☐☑:;(-])")
_BEGINS: Final = re.compile(r"(?P<block>\s*(?:h[1-6]|bq))(?=\.)|(?P<indent>\s*)(?P<bullets>[*#-]+)(?=\s|$)")


def escaped(text: str, *, inside: bool, begins: bool = False) -> str:
    """Markup that shows `text` as typed; `begins` if it may begin a line."""
    head = ""
    if begins and (match := _BEGINS.match(text)):
        head = (
            f"{match['block']}\\"
            if match["block"]
            else match["indent"] + "".join(f"\\{b}" for b in match["bullets"])
        )
        text = text[match.end() :]
    if inside:
        return head + _ANY.sub(_escape, text)
    return head + _outside_addresses(text)


def _outside_addresses(text: str) -> str:
    out, position = "", 0
    for match in URL.finditer(text):
        out += _SIGN.sub(_escape, text[position : match.start()]) + match.group()
        position = match.end()
    return out + (_SIGN.sub(_escape, text[position:]) if position else _SIGN.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    if match["backslash"]:
        return "&#92;"
    if match["reference"]:
        return "&amp;"
    char = match["mark"]
    return f"&#{ord(char)};" if char in BOXES_SHOWN else "\\" + char


BOXES_SHOWN: Final = "☐☑"

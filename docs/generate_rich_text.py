"""Writes docs/rich-text.md: what each node and mark of a document becomes on each side, from the converters.

`python docs/generate_rich_text.py --check` writes nothing and exits 1 if the page is out of step.
"""

# ruff: noqa: E501 - holds the text of a page as it is laid out

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("rich-text.md")

HEAD = """\
# Rich text

This page is written by `make docs` from the converters themselves.

Jira Cloud keeps texts as documents (Atlassian Document Format), Jira Data Center as wiki markup, ServiceNow as plain
text, with HTML between `[code]` and `[/code]` in its journals. Between them stands one canonical form, a profile of
CommonMark.

## What is compared

**Comments** are carried in the canonical form, with their formatting.

**Fields** (descriptions and other texts of many lines) are compared as plain text: ServiceNow's fields know no
formatting, so two texts that read the same are the same, and making a word bold in Jira writes nothing. When such a
text is edited in ServiceNow and Jira's is formatted, only the blocks that were edited become plain; headings, tables,
code, pictures and mentions elsewhere stay. Lengths are counted on the plain text; links are left out of a document that
they would make too long.

## What people type stays as typed

Asterisks, underscores, `<`, braces, paths, SQL and lines that begin with `#` in a ServiceNow text are shown in Jira as
they are, and never become formatting. Addresses (`https://...`) become links, since Jira Cloud makes none of its own.

## What is never carried

- Scripts, styles, frames, event handlers, and links whose scheme can run something (`javascript:`, `data:`). Such a link
  keeps its text, with the address behind it as text.
- Mentions typed on the other side: `[~user]` is text. A mention read from a journal names somebody only if Tieline knows
  them on the other side; otherwise it is their name.
- Pictures by address: they become links to it, so that opening a ticket fetches nothing.
- Macros and extensions out of ServiceNow's HTML; an unknown wiki macro (`{html}`, `{include}`) is text.

## The profile

- CommonMark, with tables, ~~struck~~ text and task lists of GitHub's kind. A line break inside a paragraph is a backslash
  at the end of the line, `<br>` in headings and cells.
- A text that looks like a sign is escaped with a backslash; leading white space is a reference (`&#32;`).
- What has no sign is an element named as the document format names it, with its attributes: inside a line
  `<status color="red">DOWN</status>`, around blocks a line each, with an empty line on either side.
- White space at the ends of lines, empty paragraphs and `localId`s are left out: nobody can see them. Bold, italic and
  struck white space is plain.
- Blocks that the document format does not allow where they stand are lifted to where it does, or become paragraphs.

In wiki markup, what has no sign stands between two anchors (`{anchor:adf....}`), which show nothing, and shows its text. In
ServiceNow's HTML it is a `span` or `div` with `data-adf`. Both are read back.

## Each node and mark

In the column of ServiceNow, an entry without `[code]` is plain text. Mentions and files are shown as they are where
Tieline knows them on the other side. A long anchor is cut here.
"""


def _text(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}


def _of(kind: str, *content: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"type": kind}
    return node | ({"attrs": attrs} if attrs else {}) | ({"content": list(content)} if content else {})


def _p(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _of("paragraph", *content) | more


def _cell(kind: str, text: str) -> dict[str, Any]:
    return _of(kind, _p(_text(text)))


def _file(kind: str) -> dict[str, Any]:
    return _of(kind, type="file", id="a1", collection="c", alt="shot.png")


WORD = _p(_text("word"))
PICTURE = _of("media", type="external", url="https://e.com/x.png", alt="x")
NODES: dict[str, dict[str, Any]] = {
    "paragraph, text": WORD,
    "hardBreak": _p(_text("one"), _of("hardBreak"), _text("two")),
    "heading": _of("heading", _text("Title"), level=2),
    "codeBlock": _of("codeBlock", _text("x = 1"), language="python"),
    "blockquote": _of("blockquote", WORD),
    "rule": _of("rule"),
    "bulletList, listItem": _of(
        "bulletList", _of("listItem", WORD, _of("bulletList", _of("listItem", WORD)))
    ),
    "orderedList": _of("orderedList", _of("listItem", WORD)),
    "taskList, taskItem": _of(
        "taskList", _of("taskItem", _text("word"), state="DONE", localId="1"), localId="0"
    ),
    "blockTaskItem": _of(
        "taskList", _of("blockTaskItem", WORD, WORD, state="TODO", localId="1"), localId="0"
    ),
    "decisionList, decisionItem": _of(
        "decisionList", _of("decisionItem", _text("word"), state="DECIDED", localId="1"), localId="0"
    ),
    "table, tableRow, tableHeader, tableCell": _of(
        "table", _of("tableRow", _cell("tableHeader", "A")), _of("tableRow", _cell("tableCell", "1"))
    ),
    "panel": _of("panel", WORD, panelType="warning"),
    "expand": _of("expand", WORD, title="More"),
    "nestedExpand": _of("expand", _of("nestedExpand", WORD, title="Inner"), title="More"),
    "layoutSection, layoutColumn": _of(
        "layoutSection", _of("layoutColumn", WORD, width=50), _of("layoutColumn", WORD, width=50)
    ),
    "mediaSingle, media": _of("mediaSingle", PICTURE, layout="center"),
    "caption": _of("mediaSingle", PICTURE, _of("caption", _text("word")), layout="center"),
    "mediaGroup": _of("mediaGroup", _file("media")),
    "mediaInline": _p(_text("see "), _file("mediaInline")),
    "mention": _p(_of("mention", id="5b10", text="@Bob")),
    "emoji": _p(_of("emoji", shortName=":grinning:", text="😀")),
    "date": _p(_of("date", timestamp="1582152559000")),
    "status": _p(_of("status", text="DOWN", color="red")),
    "placeholder": _p(_of("placeholder", text="word")),
    "inlineCard": _p(_of("inlineCard", url="https://e.com")),
    "blockCard": _of("blockCard", url="https://e.com"),
    "embedCard": _of("embedCard", url="https://e.com", layout="center"),
    "extension": _of("extension", extensionKey="k", extensionType="t"),
    "bodiedExtension": _of("bodiedExtension", WORD, extensionKey="k", extensionType="t"),
    "inlineExtension": _p(_of("inlineExtension", extensionKey="k", extensionType="t", text="word")),
    "syncBlock": _of("syncBlock", resourceId="r", localId="l"),
    "bodiedSyncBlock": _of("bodiedSyncBlock", WORD, resourceId="r", localId="l"),
}
_LINK = {"type": "link", "attrs": {"href": "https://e.com"}}
_RED = {"color": "#ff0000"}
MARKS: dict[str, dict[str, Any]] = {
    **{kind: _p(_text("word", {"type": kind})) for kind in ("strong", "em", "strike", "underline", "code")},
    "link": _p(_text("word", _LINK)),
    "subsup": _p(_text("word", {"type": "subsup", "attrs": {"type": "sub"}})),
    "textColor": _p(_text("word", {"type": "textColor", "attrs": _RED})),
    "backgroundColor": _p(_text("word", {"type": "backgroundColor", "attrs": _RED})),
    "annotation": _p(
        _text("word", {"type": "annotation", "attrs": {"id": "a", "annotationType": "inlineComment"}})
    ),
    "alignment": _p(_text("word"), marks=[{"type": "alignment", "attrs": {"align": "center"}}]),
    "indentation": _p(_text("word"), marks=[{"type": "indentation", "attrs": {"level": 1}}]),
    "fontSize": _p(_text("word"), marks=[{"type": "fontSize", "attrs": {"fontSize": "small"}}]),
    "breakout": _of("codeBlock", _text("x")) | {"marks": [{"type": "breakout", "attrs": {"mode": "wide"}}]},
    "border": _of(
        "mediaSingle",
        PICTURE | {"marks": [{"type": "border", "attrs": {"size": 1, "color": "#ff0000"}}]},
        layout="center",
    ),
    "fragment": _of("extension", extensionKey="k", extensionType="t")
    | {"marks": [{"type": "fragment", "attrs": {"localId": "f"}}]},
    "dataConsumer": _of("extension", extensionKey="k", extensionType="t")
    | {"marks": [{"type": "dataConsumer", "attrs": {"sources": ["s"]}}]},
}


def document(block: dict[str, Any]) -> dict[str, Any]:
    """A document of one block."""
    return {"version": 1, "type": "doc", "content": [block]}


def rows(samples: dict[str, dict[str, Any]]) -> str:
    """The table of these samples."""
    from tieline.connectors.richtext import from_adf, plain, to_servicenow, to_wiki

    lines = [
        "| in a document | in Markdown | in wiki markup | in a journal | as plain text |",
        "|---|---|---|---|---|",
    ]
    for name, block in samples.items():
        markdown = from_adf(document(block))
        forms = (markdown, to_wiki(markdown), to_servicenow(markdown), plain(markdown))
        lines.append(f"| {name} | {' | '.join(_shown(form or '') for form in forms)} |")
    return "\n".join(lines)


def _shown(text: str) -> str:
    import html
    import re

    short = re.sub(r"(\{anchor:adf\.\w{6})[\w-]+", r"\1…", text)
    escaped = (
        html.escape(short, quote=False).replace("|", "&#124;").replace("\\", "&#92;").replace("*", "&#42;")
    )
    for sign in "_`[]~{}":
        escaped = escaped.replace(sign, f"&#{ord(sign)};")
    return "<code>" + escaped.replace("\n", "<br>") + "</code>" if text else "-"


def page() -> str:
    """The whole page, as Markdown."""
    return f"{HEAD}\n### Nodes\n\n{rows(NODES)}\n\n### Marks\n\n{rows(MARKS)}\n"


def main() -> int:
    """Write the page, or check it."""
    text = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

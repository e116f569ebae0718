"""Reads the phrases of one paragraph of wiki markup: emphasis, links, colours, people, pictures."""

from __future__ import annotations

import re
from typing import Any, Final

from tieline.connectors.richtext.model import ATTRS, INLINE, TEXT_MARKS, Node
from tieline.connectors.richtext.plaintext import referenced
from tieline.connectors.richtext.wiki_writer import FILE, URL

_COLORS: Final = {
    "red": "#ff0000", "green": "#008000", "blue": "#0000ff", "yellow": "#ffff00", "orange": "#ffa500",
    "black": "#000000", "white": "#ffffff", "gray": "#808080", "grey": "#808080", "purple": "#800080",
    "navy": "#000080", "maroon": "#800000", "teal": "#008080", "silver": "#c0c0c0", "brown": "#a52a2a",
}  # fmt: skip
_MARKS: Final[dict[str, dict[str, Any]]] = {
    "*": {"type": "strong"},
    "_": {"type": "em"},
    "-": {"type": "strike"},
    "+": {"type": "underline"},
    "~": {"type": "subsup", "attrs": {"type": "sub"}},
    "^": {"type": "subsup", "attrs": {"type": "sup"}},
    "??": {"type": "em"},
    "{{": {"type": "code"},
}
_TOKEN: Final = re.compile(
    rf"""
      (?P<url>{URL.pattern})
    | (?P<break>\\\\|\n)
    | \\(?P<escape>[!-/:-@\[-`{{-~])
    | &(?P<reference>\#?\w+;)
    | \{{anchor:adf\.(?P<data>[\w-]+)\}} | (?P<end>\{{anchor:adf\.\}})
    | \{{color:(?P<color>\#[0-9a-fA-F]{{3}}(?:[0-9a-fA-F]{{3}})?|\w+)\}} | (?P<uncolor>\{{color\}})
    | \{{(?P<braced>[*_+^~-]|\?\?)\}}
    | (?P<open_code>\{{\{{) | (?P<close_code>\}}\}})
    | \[(?P<link>(?:[^\[\]\n\\]|\\.)+)\]
    | !(?P<file>{FILE.pattern})(?:\|[^!\n]*)?!
    | (?P<sign>[*_+^~-]|\?\?)
    """,
    re.VERBOSE,
)
_HREF: Final = re.compile(r"(?:[A-Za-z][\w+.-]*:|/|\#|www\.)\S+")


def inlines(text: str) -> list[Node]:
    """The inline nodes of `text`; a line break is a break."""
    return _Phrases(text).nodes()


class _Phrases:
    """One paragraph; the marks that are open, by the sign that opened each."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_TOKEN.finditer(text))
        self._closers = self._count_closers()
        self._found: list[Node] = []
        self._open: list[tuple[str, dict[str, Any]]] = []

    def _count_closers(self) -> dict[str, int]:
        """The last place where each sign can close, so that an opening one without is text."""
        last: dict[str, int] = {}
        for token in self._tokens:
            for sign in self._closes(token):
                last[sign] = token.start()
        return last

    def _closes(self, token: re.Match[str]) -> list[str]:
        match token.lastgroup:
            case "sign":
                before, after = (
                    self._text[token.start() - 1 : token.start()],
                    self._text[token.end() : token.end() + 1],
                )
                closing = bool(before) and not before.isspace() and not (after.isalnum() or after == "_")
                return [token["sign"]] if closing else []
            case "braced":
                return ["{" + token["braced"]]
            case "uncolor":
                return ["{color"]
            case "close_code":
                return ["{{"]
            case "end":
                return ["anchor"]
            case _:
                return []

    def nodes(self) -> list[Node]:
        """The inline nodes."""
        position = 0
        skip = -1
        for number, token in enumerate(self._tokens):
            if number <= skip:
                continue
            self._write(self._text[position : token.start()])
            position = token.end()
            if token.lastgroup == "data":
                skip = self._anchored(number)
                position = self._tokens[skip].end() if skip > number else position
            else:
                self._take(token)
        self._write(self._text[position:])
        return self._found

    def _write(self, text: str) -> None:
        if text:
            self._found.append({"type": "text", "text": text, "marks": self._marks()})

    def _marks(self) -> list[dict[str, Any]]:
        return [mark for _, mark in self._open if mark]

    def _take(self, token: re.Match[str]) -> None:
        whole = token.group()
        match token.lastgroup:
            case "break":
                self._found.append({"type": "hardBreak"})
            case "escape":
                self._write(token["escape"])
            case "reference":
                self._write(referenced(token["reference"]))
            case "color":
                self._open_mark("{color", _color(token["color"]), token)
            case "open_code":
                self._open_mark("{{", _MARKS["{{"], token)
            case "uncolor" | "close_code" | "end":
                self._close_mark(self._closes(token)[0], whole)
            case "braced":
                self._toggle("{" + token["braced"], _MARKS[token["braced"]], token)
            case "sign":
                self._sign(token)
            case "link":
                self._link(token["link"], whole)
            case "file":
                self._found.append(_file(token["file"], "file"))
            case _:
                self._write(whole)

    def _open_mark(self, sign: str, mark: dict[str, Any], token: re.Match[str]) -> None:
        if self._closers.get(sign, -1) > token.start() and sign not in dict(self._open):
            self._open.append((sign, mark))
        else:
            self._write(token.group())

    def _close_mark(self, sign: str, whole: str) -> None:
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == sign:
                del self._open[index]
                return
        self._write(whole)

    def _toggle(self, sign: str, mark: dict[str, Any], token: re.Match[str]) -> None:
        if sign in dict(self._open):
            self._close_mark(sign, token.group())
        else:
            self._open_mark(sign, mark, token)

    def _sign(self, token: re.Match[str]) -> None:
        sign = token["sign"]
        if "{{" in dict(self._open):
            self._write(sign)
        elif sign in dict(self._open) and self._closes(token):
            self._close_mark(sign, sign)
        elif self._can_open(token):
            self._open_mark(sign, _MARKS[sign], token)
        else:
            self._write(sign)

    def _around(self, token: re.Match[str]) -> tuple[str, str]:
        """The characters before and after a token, "" at either end."""
        start, end = token.span()
        return self._text[start - 1 : start] if start else "", self._text[end : end + 1]

    def _can_open(self, token: re.Match[str]) -> bool:
        before, after = self._around(token)
        return bool(after) and not after.isspace() and not (before.isalnum() or before == "_")

    def _link(self, inside: str, whole: str) -> None:
        if inside.startswith("~"):
            id_ = inside[1:].removeprefix("accountid:")
            self._found.append({"type": "mention", "attrs": {"id": id_, "text": f"@{id_}"}})
        elif inside.startswith("^") and FILE.fullmatch(inside[1:]):
            self._found.append(_file(inside[1:], "link"))
        else:
            self._address(inside, whole)

    def _address(self, inside: str, whole: str) -> None:
        label, bar, rest = _halves(inside)
        href = rest.split("|")[0] if bar else inside
        if not _HREF.fullmatch(href):
            self._found += [*self._literally("["), *_Phrases(inside).nodes(), *self._literally("]")]
            return
        link = {"type": "link", "attrs": {"href": href if not href.startswith("www.") else f"https://{href}"}}
        for node in inlines(label) if bar else [{"type": "text", "text": inside}]:
            self._found.append({**node, "marks": [link, *self._marks(), *node.get("marks", ())]})

    def _literally(self, text: str) -> list[Node]:
        return [{"type": "text", "text": text, "marks": self._marks()}]

    def _anchored(self, number: int) -> int:
        """Take what stands between the anchor `number` and its end; how far that was."""
        from tieline.connectors.richtext.wiki_reader import decoded

        token = self._tokens[number]
        end = self._end_of(number) if self._closers.get("anchor", -1) > token.start() else None
        kind, attrs = decoded(token["data"])
        if end is None or not (kind in INLINE or kind in TEXT_MARKS):
            self._write(token.group())
            return number
        if kind in ATTRS or kind in INLINE:
            marks = attrs.pop("marks", [])
            self._found.append({"type": kind, "attrs": attrs, "marks": marks})
        else:
            mark = {"type": kind, "attrs": attrs}
            for node in inlines(self._text[token.end() : self._tokens[end].start()]):
                self._found.append({**node, "marks": [*self._marks(), mark, *node.get("marks", ())]})
        return end

    def _end_of(self, number: int) -> int | None:
        depth = 0
        for index in range(number, len(self._tokens)):
            kind = self._tokens[index].lastgroup
            depth += (kind == "data") - (kind == "end")
            if depth == 0:
                return index
        return None


def _halves(inside: str) -> tuple[str, str, str]:
    """What stands before and after the first bar that is not escaped."""
    match = re.match(r"((?:[^|\\]|\\.)*)\|(.*)", inside, re.DOTALL)
    return (match[1], "|", match[2]) if match else (inside, "", "")


def _color(name: str) -> dict[str, Any]:
    color = _COLORS.get(name.lower(), name)
    if len(color) == 4 and color.startswith("#"):
        color = "#" + "".join(2 * digit for digit in color[1:])
    return {"type": "textColor", "attrs": {"color": color}} if color.startswith("#") else {}


def _file(name: str, kind: str) -> Node:
    return {"type": "mediaInline", "attrs": {"type": kind, "id": name, "collection": "", "alt": name}}

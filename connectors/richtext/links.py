"""Which addresses may be links, and where plain text holds one; nothing is fetched."""

from __future__ import annotations

import re
from typing import Final

from tieline.connectors.richtext.model import Mark, Node

_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)\s*:")
_SAFE: Final = frozenset(
    {
        "http", "https", "mailto", "tel", "ftp", "ftps", "sftp", "ssh", "sip", "file", "smb", "slack",
        "msteams", "skype", "callto",
    }
)  # fmt: skip
_HIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
URL: Final = re.compile(r"""(?<![\w/.])https?://[^\s<>"\[\]{}|\\^`]+""")
"""An address in running text; `bare` takes the punctuation behind it off."""


def safe(href: str) -> bool:
    """Whether a link may lead there: known schemes and addresses inside the site, never a script."""
    shown = _HIDDEN.sub("", href)
    if not shown:
        return False
    scheme = _SCHEME.match(shown)
    return scheme[1].lower() in _SAFE if scheme else True


def spans(text: str) -> list[tuple[int, int]]:
    """Where addresses stand in `text`, without the punctuation of the sentence around them."""
    return [(match.start(), match.start() + len(bare(match.group()))) for match in URL.finditer(text)]


def bare(url: str) -> str:
    """An address without the full stop or bracket that ends the sentence."""
    shorter = url.rstrip(".,;:!?'")
    while shorter.endswith(")") and shorter.count(")") > shorter.count("("):
        shorter = shorter[:-1].rstrip(".,;:!?'")
    return shorter


def linked(nodes: list[Node]) -> list[Node]:
    """The nodes, with every address in running text as a link to itself: Jira makes none of its own."""
    found: list[Node] = []
    for node in nodes:
        marks = node.get("marks", [])
        if node["type"] != "text" or any(mark["type"] in {"link", "code"} for mark in marks):
            found.append(node)
        else:
            found += _pieces(node["text"], marks)
    return found


def _pieces(text: str, marks: list[Mark]) -> list[Node]:
    found: list[Node] = []
    position = 0
    for start, end in spans(text):
        url = text[start:end]
        found += _piece(text[position:start], marks)
        found += _piece(url, [{"type": "link", "attrs": {"href": url}}, *marks])
        position = end
    return found + _piece(text[position:], marks)


def _piece(text: str, marks: list[Mark]) -> list[Node]:
    return [{"type": "text", "text": text, **({"marks": marks} if marks else {})}] if text else []

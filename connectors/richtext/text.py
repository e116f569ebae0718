"""The one form in which plain texts are stored and compared, and the characters that no text may hold.

Canonical text is plain text: lines end with LF, no line ends in white space, no blank line stands at
either end, and empty text is None.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_PLAIN: Final = re.compile(r"[\t\n -~]*")
"""Text of which every character is allowed: nearly all, and not worth a look at each."""


def canonical_text(text: str | None) -> str | None:
    """The one form in which texts are stored and compared; applying it twice changes nothing.

    Control characters other than tab and newline are removed; a lone surrogate, which no encoding can
    carry, becomes U+FFFD.
    """
    lines = [line.rstrip() for line in readable(text or "").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    first = next((index for index, line in enumerate(lines) if line), 0)
    return "\n".join(lines[first:]) or None


def readable(text: str) -> str:
    """The text with line ends as LF and without what cannot be shown."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unified if _PLAIN.fullmatch(unified) else "".join(map(_allowed, unified))


def _allowed(char: str) -> str:
    if char in "\t\n" or " " <= char <= "~":
        return char
    match unicodedata.category(char):
        case "Cc":
            return ""
        case "Cs":
            return "\ufffd"
        case _:
            return char

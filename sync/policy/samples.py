"""A text that a simple pattern matches, made from its parse tree. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _parser  # type: ignore[attr-defined]
from typing import Any


def sample_of(pattern: str) -> str:
    """A text that a simple pattern matches: its literal parts, first alternatives; "" if none was made."""
    try:
        text = _sample(_parser.parse(pattern, re.UNICODE))
    except (re.error, ValueError, OverflowError, RecursionError):
        return ""
    return text


def _sample(parsed: Any) -> str:
    text: str = ""
    for operator, argument in parsed:
        match str(operator), argument:
            case "LITERAL", int() as code:
                text += chr(code)
            case "NOT_LITERAL", int() as code:
                text += "x" if code != ord("x") else "y"
            case "ANY", _:
                text += "x"
            case "IN", list() as items:
                text += _member(items)
            case "BRANCH", (_, [first, *_]):
                text += _sample(first)
            case "SUBPATTERN", (_, _, _, inner):
                text += _sample(inner)
            case (("MAX_REPEAT" | "MIN_REPEAT"), (int() as least, _, inner)):
                text += _sample(inner) * least
            case "AT", _:
                pass
            case _:
                raise ValueError(str(operator))
    return text


def _member(items: Sequence[tuple[object, object]]) -> str:
    names = {
        "CATEGORY_DIGIT": "5",
        "CATEGORY_WORD": "a",
        "CATEGORY_SPACE": " ",
    }
    if str(items[0][0]) == "NEGATE":
        return "~"
    match str(items[0][0]), items[0][1]:
        case "LITERAL", int() as code:
            return chr(code)
        case "RANGE", (int() as low, _):
            return chr(low)
        case "CATEGORY", category if str(category) in names:
            return names[str(category)]
        case other, _:
            raise ValueError(other)

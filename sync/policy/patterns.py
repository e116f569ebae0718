"""Whether a pattern matches every text or none, as far as its parse tree shows; never a guess. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

AT_START: Final = frozenset({"AT_BEGINNING", "AT_BEGINNING_STRING"})
AT_END: Final = frozenset({"AT_END", "AT_END_STRING"})
MULTILINE: Final = re.MULTILINE


def always_matches(text: str) -> bool:
    """Whether a search for the pattern succeeds in every text: it may match nothing at a start or an end."""
    tree = _tree(text)
    return tree is not None and (_empty(tree, AT_START) or _empty(tree, AT_END))


def never_matches(text: str) -> bool:
    """Whether no text matches: something must stand before the start of the text, or after its end."""
    tree = _tree(text)
    return tree is not None and not tree.state.flags & MULTILINE and _impossible(tree)


def _tree(text: str) -> Any:
    """The parse tree, by Python's syntax, which is RE2's for nearly all patterns; None where it is not."""
    try:
        return _parser.parse(text)
    except (re.error, ValueError, OverflowError, RecursionError):
        return None


def _empty(tree: Iterable[Any], anchors: frozenset[str]) -> bool:
    """Whether the pattern can match nothing where `anchors` hold, in every text."""
    return all(_may_be_empty(operator, argument, anchors) for operator, argument in tree)


def _may_be_empty(operator: Any, argument: Any, anchors: frozenset[str]) -> bool:
    match str(operator):
        case "AT":
            return str(argument) in anchors
        case "MAX_REPEAT" | "MIN_REPEAT":
            return argument[0] == 0 or _empty(argument[2], anchors)
        case "SUBPATTERN":
            return _empty(argument[3], anchors)
        case "BRANCH":
            return any(_empty(option, anchors) for option in argument[1])
        case _:
            return False


def _impossible(tree: Sequence[Any]) -> bool:
    """Whether the pattern needs a sign before a start of the text or after an end of it."""
    consumed = ended = False
    for operator, argument in tree:
        word, needs = str(operator), _least(operator, argument) > 0
        if word == "AT" and str(argument) in AT_START and consumed:
            return True
        if ended and needs:
            return True
        if word == "AT" and str(argument) in AT_END:
            ended = True
        if word == "SUBPATTERN" and _impossible(argument[3]):
            return True
        if word == "BRANCH" and all(_impossible(option) for option in argument[1]):
            return True
        consumed = consumed or needs
    return False


def _least(operator: Any, argument: Any) -> int:
    """The fewest signs that a part takes."""
    match str(operator):
        case "AT":
            return 0
        case "MAX_REPEAT" | "MIN_REPEAT":
            return int(argument[0]) * int(argument[2].getwidth()[0])
        case "SUBPATTERN":
            return int(argument[3].getwidth()[0])
        case "BRANCH":
            return min(int(option.getwidth()[0]) for option in argument[1])
        case _:
            return 1

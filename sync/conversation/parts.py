"""Splits a long text into parts that each fit a side: nothing is cut, and code stays code. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

_FENCE: Final = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<rest>.*)")
_LONGEST_INFO: Final = 20
"""Characters of a fence's language that are kept."""
_FULL: Final = 0.9
"""A part that fills this much of its room is long enough."""
_SAFE: Final = 0.98
_GUESSES: Final = 4
"""After so many guesses the room left is halved each time."""
_JOINERS: Final = ("\u200d", "\\")
"""What must not end a part: it belongs to the character behind it."""

Size = Callable[[str], int]
"""How much room a text takes on a side, in characters of that side's own form."""


def split(text: str, limit: int, size: Size = len) -> list[str]:
    """The text in parts of at most `limit` each, by `size`; one part if it fits.

    Parts end between paragraphs, else between lines, else between words, else anywhere. A block of code that
    is split ends with a fence and goes on with one.
    """
    if limit < 1:
        raise ValueError("a part needs room for something")
    parts: list[str] = []
    rest, opening = text, ""
    while True:
        if len(rest) <= limit and size(opening + rest) <= limit:
            return [*parts, opening + rest]
        at = _longest(rest, opening, limit, size)
        head = rest[:at]
        closing, following = _fences(opening + head, limit)
        parts.append(f"{opening}{head.rstrip(chr(10))}{closing}")
        rest, opening = rest[at:].lstrip("\n") if not following else rest[at:], following


def _longest(rest: str, opening: str, limit: int, size: Size) -> int:
    """How many characters of `rest` make the next part: about as many as fit.

    Sizes grow evenly, more or less, and measuring takes long: a guess that fills nine tenths is good enough.
    """
    low, high, guess = 1, min(len(rest), limit) + 1, min(len(rest), limit)
    for number in count():
        room = _room(rest[:guess], opening, limit, size)
        low, high = (guess, high) if room <= limit else (low, guess)
        if high - low <= 1 or (room <= limit and room >= _FULL * limit):
            break
        likely = int(guess * limit / room * _SAFE) if number < _GUESSES else (low + high) // 2
        guess = min(max(likely, low + 1), high - 1)
    return next(at for at in _places(rest, low) if at == low or _fits(rest[:at], opening, limit, size))


def _fits(head: str, opening: str, limit: int, size: Size) -> bool:
    return _room(head, opening, limit, size) <= limit


def _room(head: str, opening: str, limit: int, size: Size) -> int:
    """How much room a part that ends here takes."""
    closing, _ = _fences(opening + head, limit)
    return max(1, size(f"{opening}{head}{closing}"))


def _places(rest: str, most: int) -> Iterator[int]:
    """Where a part may end, best first: not in its first half, if it can be helped."""
    for between in ("\n\n", "\n", " "):
        at = rest.rfind(between, most // 2, most)
        if at > 0:
            yield at + len(between) if between == " " else at + 1
    at = most
    while at > 1 and _joined(rest, at):
        at -= 1
    yield at if at > 1 else most
    yield most


def _joined(rest: str, at: int) -> bool:
    """Whether a cut here would part a character from what belongs to it."""
    before, after = rest[at - 1], rest[at] if at < len(rest) else ""
    return before in _JOINERS or (
        after != "" and (bool(unicodedata.combining(after)) or after in "\u200d\ufe0f")
    )


def _fences(text: str, limit: int) -> tuple[str, str]:
    """What closes a block of code that is open at the end of a text, and what opens it again; else nothing.

    Fences that would take up much of the room themselves are left out.
    """
    fence = info = ""
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        if found is None:
            continue
        if not fence:
            fence, info = found["fence"], found["rest"].strip()
        elif (
            found["fence"][0] == fence[0] and len(found["fence"]) >= len(fence) and not found["rest"].strip()
        ):
            fence = ""
    if not fence or 2 * len(fence) > limit // 4:
        return "", ""
    return f"\n{fence}", f"{fence}{info if len(info) <= _LONGEST_INFO else ''}\n"

"""How alike two names are, and which values of two lists mean the same by their words: guesses, named so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

from tieline.connectors.metadata import Option

ALIKE: Final = 88.0
"""From this likeness (0 to 100) on two words are taken for one: a letter or an ending apart."""

SYNONYMS: Final = (
    ("assignment group", "support group", "resolver group", "team", "support team", "group"),
    ("close notes", "resolution notes", "resolution details", "solution", "resolution description"),
    ("assigned to", "assignee", "owner"),
    ("caller", "reporter", "requester", "affected user"),
    ("configuration item", "ci", "affected ci", "asset"),
    ("canceled", "cancelled", "declined", "rejected", "withdrawn"),
    ("service", "affected service", "business service"),
)  # fmt: skip
"""Names that the two worlds use for one thing (ITIL's terms, ServiceNow's labels, Jira's usual ones)."""


def plain(text: str) -> str:
    """A name without case, punctuation and the number in front that ServiceNow's labels have ("1 - High")."""
    bare = re.sub(r"^\s*\d+\s*-\s*", "", text).casefold()
    return " ".join(re.sub(r"[^\w]+|_", " ", bare).split())


def likeness(one: str, two: str) -> float:
    """From 0 (nothing in common) to 100 (the same name, or two names of one thing)."""
    ours, theirs = plain(one), plain(two)
    if not ours or not theirs:
        return 0.0
    if ours == theirs or any(ours in names and theirs in names for names in SYNONYMS):
        return 100.0
    return float(max(fuzz.ratio(ours, theirs), fuzz.token_sort_ratio(ours, theirs)))


def closest(names: Iterable[str], among: Sequence[str], floor: float = ALIKE) -> str | None:
    """The one of `among` that is most like any of `names`; None if none is alike enough. The first wins."""
    wanted = list(names)
    scored = [(max(likeness(name, each) for name in wanted), each) for each in among]
    best = max(scored, key=lambda entry: entry[0], default=(0.0, ""))
    return best[1] if best[0] >= floor and best[1] else None


def usable(value: str) -> bool:
    """Whether a configuration can hold a value: something to see, and no control characters."""
    return bool(value.strip()) and value.isprintable()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a value map: values that mean the same; `guess` if that is not told by equal words."""

    servicenow: tuple[str, ...]
    jira: tuple[str, ...]
    guess: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A value map found by words, and what has no partner on either side."""

    lines: tuple[Line, ...]
    servicenow_left: tuple[Option, ...] = ()
    jira_left: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """How much of Jira's list has a partner, from 0 to 1."""
        found = sum(len(line.jira) for line in self.lines)
        return found / (found + len(self.jira_left)) if found + len(self.jira_left) else 0.0


def match_values(ours: Sequence[Option], theirs: Sequence[str]) -> Match:
    """Join ServiceNow's list with Jira's: each of ours goes to the most like of theirs.

    Where several of ours go to one of theirs, the most alike stands first: it is the one that is written.
    """
    found: dict[str, list[tuple[float, str]]] = {}
    left = []
    for option in ours:
        partner = closest((option.value, option.words), theirs)
        if partner is None:
            left.append(option)
        else:
            score = max(likeness(option.value, partner), likeness(option.words, partner))
            exact = 1.0 if option.value == partner else 0.5 if plain(option.value) == plain(partner) else 0.0
            found.setdefault(partner, []).append((score + exact, option.value))
    lines = tuple(
        Line(
            tuple(value for _, value in sorted(found[partner], key=lambda entry: -entry[0])),
            (partner,),
            guess=max(score for score, _ in found[partner]) < 100,
        )
        for partner in theirs
        if partner in found
    )
    return Match(lines, tuple(left), tuple(each for each in theirs if each not in found))

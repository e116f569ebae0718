"""Which questions of a policy people's comments answer: marks of them, and no text, go any further. Pure.

A comment is heard once, when it is new or was edited. What it answered stays answered, so that no rule flips
back once nobody reads it any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieline.sync.policy.conditions import Atom, atom_holds, atoms, mark_of
from tieline.sync.policy.fields import COMMENTS
from tieline.sync.policy.model import Policy

SOMETHING: Final = "*"
"""The mark of any comment at all."""


def questions(policy: Policy) -> tuple[Atom, ...]:
    """What rules, floors and ceilings ask of comments, and rules about links; each once."""
    asked = [entry.when for entry in policy.entries]
    asked += policy.links.conditions if policy.links is not None else ()
    found = (atom for condition in asked for atom in atoms(condition))
    return tuple(dict.fromkeys(atom for atom in found if atom.field == COMMENTS))


def answered(asked: Iterable[Atom], texts: Iterable[str]) -> frozenset[str]:
    """The marks of the questions that these texts answer, each text by itself."""
    asked, told = list(asked), list(texts)
    if not asked or not told:
        return frozenset()
    met = {mark_of(atom) for atom in asked for text in told if _answers(atom, text)}
    return frozenset({SOMETHING, *met})


def _answers(atom: Atom, text: str) -> bool:
    return atom.operator != "empty" and atom_holds(atom, text, None)

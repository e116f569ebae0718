"""How numbers are said to people. Pure, and quick to import."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun in the right number: `1 change`, `2 changes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Invents the texts of scripted incidents, always the same ones for the same number and seed.

Every text names its incident and its edit, so that a value that went astray is recognised.
"""

from __future__ import annotations

import random
from typing import Final

THINGS: Final = (
    "The mail client", "The expense form", "VPN access", "The café till", "Printer 4 on floor 2",
    "The order database", "Single sign-on", "The intranet search", "A shared folder", "The badge reader",
    "The Zürich backup", "The wiki",
)  # fmt: skip
TROUBLES: Final = (
    "does not start", "is slow since this morning", "asks for the password again & again",
    "shows an empty page", "loses the connection", 'answers "access denied"', "stops at 99%",
    "prints <unknown> instead of the name",
)  # fmt: skip
DETAILS: Final = (
    "It worked yesterday.", "Two colleagues see the same.", "A restart did not help.", "Only over wireless.",
    "It happens every time.", "The deadline is tonight.", "It's the same in another browser.",
    "Über VPN geht es.",
)  # fmt: skip


def summary(number: str, symptom: str) -> str:
    """One line, under 160 characters: the limit of `short_description` on a stock instance."""
    chance = random.Random(f"summary {number} {symptom}")
    text = f"{chance.choice(THINGS)} {chance.choice(TROUBLES)}"
    return f"{text} ({symptom}, {number})" if symptom else f"{text} ({number})"


def description(number: str, symptom: str, channel: str, location: str) -> str:
    """Some paragraphs; the second has several lines."""
    chance = random.Random(f"description {number} {symptom}")
    where = f" from {location}" if location else ""
    told = "\n".join(chance.sample(DETAILS, k=chance.randint(1, 4)))
    known = f"Symptom: {symptom}." if symptom else "No symptom was recorded."
    return f"{number} was reported by {channel or 'a colleague'}{where}.\n\n{told}\n\n{known}"


def long_text(number: str, characters: int) -> str:
    """Numbered paragraphs about `number`, at most `characters` long and not much shorter."""
    chance = random.Random(f"long {number}")
    lines: list[str] = []
    length = 0
    while True:
        line = (
            f"{len(lines) + 1}: {chance.choice(THINGS)} {chance.choice(TROUBLES)}. {chance.choice(DETAILS)}"
        )
        length += len(line) + 2
        if length > characters:
            return "\n\n".join(lines)
        lines.append(line)


def close_notes(code: str) -> str:
    """What the log's people would have written on closing: the log keeps the code only."""
    return f"Closed as {code}." if code else ""

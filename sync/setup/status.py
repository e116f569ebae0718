"""Proposes the maps of status, resolution and priority from both sides' lists; pure, open about guesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.metadata import Option, StatusInfo
from tieline.sync.setup.likeness import Line, closest, usable

ON_HOLD: Final = "3"
_STATES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "1": ("new", ("new", "open", "to do", "backlog", "reported", "created", "waiting for support", "triage")),
    "2": ("indeterminate", (
        "in progress", "work in progress", "active", "investigating", "assigned", "working", "in review",
        "analysis", "doing",
    )),
    "3": ("indeterminate", (
        "on hold", "waiting", "pending", "blocked", "paused", "waiting for customer", "waiting for input",
    )),
    "6": ("done", ("resolved", "done", "fixed", "solved", "completed")),
    "7": ("done", ("closed", "done", "complete")),
    "8": ("done", ("canceled", "cancelled", "declined", "rejected", "withdrawn", "won't do", "abandoned")),
}  # fmt: skip
"""ServiceNow's incident states ("Incident state model"): the Jira status category they belong to, and the
words that Jira projects use for them, the usual ones first."""
_HOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    "1": ("waiting", "waiting for customer", "waiting for reporter", "waiting for caller", "pending customer",
          "waiting for input", "waiting for user", "awaiting caller", "pending"),
    "3": ("blocked", "awaiting problem", "waiting for problem", "pending problem"),
    "4": ("blocked", "waiting for vendor", "awaiting vendor", "pending vendor", "waiting for third party",
          "with vendor"),
    "5": ("blocked", "awaiting change", "waiting for change", "pending change", "pending deployment"),
}  # fmt: skip
"""ServiceNow's reasons of a hold ("On hold reason"): caller, problem, vendor, change."""
_DONE: Final = ("done", "fixed", "resolved", "solved", "complete", "completed")
_RESOLUTIONS: Final = (
    (
        ("resolved by caller", "resolved by change", "resolved by problem", "resolved by request",
         "closed/resolved by caller", "solved remotely (permanently)"),
        _DONE,
    ),
    (("workaround provided", "solved (work around)", "solved remotely (work around)"), ("workaround",)),
    (("duplicate",), ("duplicate",)),
    (
        ("no resolution provided", "not solved (not reproducible)", "not solved (too costly)", "known error",
         "user error"),
        ("won't do", "won't fix", "cannot reproduce", "incomplete", "declined"),
    ),
)  # fmt: skip
_SOLVED: Final = ("solution provided", "solved (permanently)", "solved", "fixed", "resolved")
_PRIORITIES: Final = (
    ("highest", "critical", "blocker", "p1", "urgent", "showstopper"),
    ("high", "major", "p2", "severe"),
    ("medium", "moderate", "normal", "p3", "standard"),
    ("low", "minor", "p4"),
    ("lowest", "planning", "trivial", "p5", "none"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resolutions:
    """The map of close codes and resolutions, and the close code that stands in where the map knows none."""

    lines: tuple[Line, ...]
    default: str


def status_lines(
    states: Sequence[Option], holds: Sequence[Option], statuses: Sequence[StatusInfo]
) -> tuple[Line, ...]:
    """A map in which each state and each status has a partner: by words, else by category.

    A state that Jira has no word for shares a line, and so a class, with the nearest that it has one for.
    """
    by_status: dict[str, list[str]] = {}
    guessed: set[str] = set()
    for token, words, category in _tokens(states, holds):
        status = _by_words(words, category, statuses)
        if status is None:
            status = _by_category(token, category, statuses, by_status)
            guessed |= {status} - {""}
        if status:
            by_status.setdefault(status, []).append(token)
    lines = [
        Line(tuple(_written_first(tokens)), (status,), status in guessed)
        for status, tokens in by_status.items()
    ]
    return _with_the_rest(lines, [status for status in statuses if status.name not in by_status])


def _tokens(states: Sequence[Option], holds: Sequence[Option]) -> list[tuple[str, tuple[str, ...], str]]:
    """Each state as the status map names it, on hold once for each reason and once bare."""
    found: list[tuple[str, tuple[str, ...], str]] = []
    for state in states:
        category, words = _STATES.get(state.value, ("indeterminate", ()))
        label = (state.words,)
        if state.value == ON_HOLD:
            for hold in holds:
                reason = (hold.words, *_HOLDS.get(hold.value, ()), *label, *words)
                found.append((f"{ON_HOLD}/{hold.value}", reason, category))
        found.append((state.value, (*label, *words), category))
    return found


def _by_words(words: Sequence[str], category: str, statuses: Sequence[StatusInfo]) -> str | None:
    """The status of a fitting category that the earliest of `words` names."""
    fits = [s.name for s in statuses if (s.category == "done") == (category == "done")]
    for word in words:
        found = closest((word,), fits)
        if found is not None:
            return found
    return None


def _by_category(
    token: str, category: str, statuses: Sequence[StatusInfo], taken: Mapping[str, Sequence[str]]
) -> str:
    """The status that a state without a word shares: the first of its category, on hold that of work."""
    if token.startswith(ON_HOLD):
        working = next((status for status, tokens in taken.items() if "2" in tokens), "")
        if working:
            return working
    ended = next((status for status, tokens in taken.items() if {"6", "7"} & set(tokens)), "")
    if category == "done" and ended:
        return ended
    same = [s.name for s in statuses if s.category == category]
    near = [s.name for s in statuses if (s.category == "done") == (category == "done")]
    return next(iter([*same, *near]), "")


def _written_first(tokens: Sequence[str]) -> list[str]:
    """A hold with its reason before the bare one; else the states in their order."""
    return sorted(tokens, key=lambda token: (token.partition("/")[0], "/" not in token, token))


def _with_the_rest(lines: list[Line], rest: Sequence[StatusInfo]) -> tuple[Line, ...]:
    """The statuses that no state named join the line that their words or category belong to."""
    for status in rest:
        state = next(
            (
                token
                for token, (category, words) in _STATES.items()
                if (category == "done") == (status.category == "done") and closest((status.name,), words)
            ),
            {"new": "1", "done": "6"}.get(status.category, "2"),
        )
        at = next((n for n, line in enumerate(lines) if state in line.servicenow), None)
        if at is None:
            at = next((n for n, line in enumerate(lines) if _is_done(line) == (status.category == "done")), 0)
        if lines:
            lines[at] = Line(lines[at].servicenow, (*lines[at].jira, status.name), guess=True)
    return tuple(lines)


def _is_done(line: Line) -> bool:
    return bool({"6", "7", "8"} & set(line.servicenow))


def resolution_lines(codes: Sequence[Option], resolutions: Sequence[str]) -> Resolutions:
    """A map in which each close code has a resolution: by words, else the one that says: solved."""
    codes = [code for code in codes if usable(code.value)]
    values = [code.value for code in codes]
    default = closest(_SOLVED, values) or next(iter(values), "Solution provided")
    done = closest(_DONE, resolutions) or next(iter(resolutions), None)
    by_resolution: dict[str, list[tuple[str, bool]]] = {}
    for code in codes:
        target, sure = _resolution_of(code, resolutions)
        if (target := target or done) is not None:
            by_resolution.setdefault(target, []).append((code.value, sure or code.value == default))
    lines = []
    for resolution in resolutions:
        found = by_resolution.get(resolution, [])
        first = sorted(found, key=lambda entry: (entry[0] != default, not entry[1]))
        if first:
            guess = not all(sure for _, sure in first)
            lines.append(Line(tuple(value for value, _ in first), (resolution,), guess))
    return Resolutions(tuple(lines), default)


def _resolution_of(code: Option, resolutions: Sequence[str]) -> tuple[str | None, bool]:
    equal = closest((code.value, code.words), resolutions)
    if equal is not None:
        return equal, True
    for codes, words in _RESOLUTIONS:
        if closest((code.value, code.words), codes):
            return closest(words, resolutions), True
    return None, False


def priority_lines(levels: Sequence[Option], priorities: Sequence[str]) -> tuple[Line, ...]:
    """A map of ServiceNow's levels, most urgent first, and Jira's priorities, most urgent first."""
    if not levels or not priorities:
        return ()
    if len(levels) == len(priorities):
        return tuple(Line((o.value,), (p,)) for o, p in zip(levels, priorities, strict=True))
    by_priority: dict[str, list[str]] = {}
    guessed = set()
    for rank, level in enumerate(levels):
        words = (level.words, *(_PRIORITIES[rank] if rank < len(_PRIORITIES) else ()))
        found = closest(words, priorities)
        if found is None:
            found = priorities[min(rank * len(priorities) // len(levels), len(priorities) - 1)]
            guessed.add(found)
        by_priority.setdefault(found, []).append(level.value)
    lines = [Line(tuple(by_priority[p]), (p,), p in guessed) for p in priorities if p in by_priority]
    for at, priority in enumerate(priorities):
        if priority not in by_priority:
            near = min(range(len(lines)), key=lambda n: abs(priorities.index(lines[n].jira[0]) - at))
            lines[near] = Line(lines[near].servicenow, (*lines[near].jira, priority), guess=True)
    return tuple(lines)

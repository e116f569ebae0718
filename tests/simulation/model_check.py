"""Explores the protocol of one pair exhaustively: `make model-check`.

Everything that can happen to one field of one pair is tried in every order: a person edits either side, the
process reads, plans, writes its intent down, sends, dies before or after the effect, loses the answer, is
answered late or never, recovers. What the engine decides is decided by the engine itself (`plan`, `settle`,
`races`, and the probe of recovery); the two sides are as small as the real ones allow. Within the stated
bounds no state is left out. Exits 1 if a promise breaks in any of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Final, Literal

from tieline.connectors.base import SIDES, Applied, Race, Record, Ref, Side, Touch, Update, Version
from tieline.sync.mapping import Directory, Rules, TextUnit
from tieline.sync.model import Base, Conflict, Pair, Snapshot, Step
from tieline.sync.plan import Context, plan
from tieline.sync.settle import races, settle
from tieline.sync.store.codec import decode_base, encode_base
from tieline.sync.vocabulary import Vocabulary

NOW: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
FIELD: Final = "summary"
REFS: Final = {side: Ref(side, "1") for side in SIDES}

Fate = Literal["standing", "overwritten", "settled"]
Phase = Literal["idle", "read", "intended", "sent", "answered"]


@dataclass(frozen=True, slots=True)
class Half:
    """One side: its value, who wrote it, how often it was written, our last write and what that overwrote."""

    value: str
    by: str = "us"
    count: int = 0
    ours: str = ""
    overwrote: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Everything there is: both sides, what is stored, what the process knows, what may still go wrong."""

    halves: tuple[Half, Half]
    base: bytes
    intent: str = ""
    effect: Literal["none", "pending", "done"] = "none"
    phase: Phase = "idle"
    snapshot: tuple[Half, Half] | None = None
    answer: Half | None = None
    """What the written side held when it answered."""
    conflicts: frozenset[tuple[str, str]] = frozenset()
    fates: frozenset[tuple[str, Fate]] = frozenset()
    edits: int = 0
    deaths: int = 0
    losses: int = 0

    def half(self, side: Side) -> Half:
        """One side."""
        return self.halves[SIDES.index(side)]

    def with_half(self, side: Side, half: Half) -> State:
        """The state with another half."""
        halves = (half, self.halves[1]) if side == "servicenow" else (self.halves[0], half)
        return replace(self, halves=halves)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may happen in one history."""

    edits: int = 3
    deaths: int = 2
    losses: int = 2


class Checker:
    """Explores all states within bounds, for one rule of deciding clashes."""

    def __init__(self, rule: Literal["servicenow", "jira", "hold"], bounds: Bounds) -> None:
        self.bounds = bounds
        unit = TextUnit(FIELD, (FIELD,), (FIELD,), Rules(clash=rule, tie=rule, first=rule), single_line=True)
        self.vocabulary = Vocabulary("r", "t", "p", "i", (unit,))
        self.rule = rule
        self.steps: dict[str, Step] = {}
        self.parents: dict[State, tuple[State | None, str]] = {}
        self.edges = 0
        self.depth = 0
        self.broken: list[tuple[str, State]] = []

    def explore(self) -> None:
        """Visit every reachable state, the nearest first."""
        start = State((Half("v0"), Half("v0")), self._agreed())
        self.parents[start] = (None, "start")
        waiting: deque[tuple[State, int]] = deque([(start, 0)])
        while waiting:
            state, depth = waiting.popleft()
            self.depth = max(self.depth, depth)
            self._check(state)
            for name, following in self._next(state):
                self.edges += 1
                if following not in self.parents:
                    self.parents[following] = (state, name)
                    waiting.append((following, depth + 1))

    def _agreed(self) -> bytes:
        """The Base of a pair that was just found equal."""
        halves = (Half("v0"), Half("v0"))
        made = plan(self._snapshot(halves, Base()), self.vocabulary, Context(NOW))
        return encode_base(Base(made.bases, {"servicenow": "j", "jira": "s"}))

    # What can happen next.

    def _next(self, state: State) -> Iterator[tuple[str, State]]:
        yield from self._people(state)
        yield from self._deaths(state)
        match state.phase:
            case "idle" if state.intent:
                if state.effect != "pending":
                    yield "recover", self._recover(state)
            case "idle":
                yield "read", replace(state, phase="read", snapshot=state.halves)
            case "read":
                yield "plan", self._plan(state)
            case "intended":
                yield "send", replace(state, phase="sent", effect="pending")
            case "sent":
                made = self._effect(state)
                answer = made.half(self._action(state).ref.side)
                yield "take effect", replace(made, phase="answered", answer=answer)
                if state.losses < self.bounds.losses:
                    lost = replace(state, phase="idle", snapshot=None, losses=state.losses + 1)
                    yield "answer lost before the effect", lost
                    after = replace(self._effect(state), phase="idle", snapshot=None, losses=state.losses + 1)
                    yield "answer lost after the effect", after
            case "answered":
                yield "settle", self._settle(state)
        if state.effect == "pending" and state.phase == "idle":
            yield "late effect", self._effect(state)
            yield "never an effect", replace(state, effect="none")

    def _people(self, state: State) -> Iterator[tuple[str, State]]:
        if state.edits >= self.bounds.edits:
            return
        value = f"p{state.edits + 1}"
        for side in SIDES:
            half = state.half(side)
            fates = _superseded(state.fates, half.value)
            after = replace(state, edits=state.edits + 1, fates=fates | {(value, "standing")})
            edited = replace(half, value=value, by="person", count=half.count + 1)
            yield f"a person sets {value} in {side}", after.with_half(side, edited)

    def _deaths(self, state: State) -> Iterator[tuple[str, State]]:
        if state.deaths < self.bounds.deaths and state.phase != "idle":
            yield (
                "the process dies",
                replace(state, phase="idle", snapshot=None, answer=None, deaths=state.deaths + 1),
            )

    def _plan(self, state: State) -> State:
        assert state.snapshot is not None
        snapshot = self._snapshot(state.snapshot, decode_base(state.base))
        made = plan(snapshot, self.vocabulary, Context(NOW))
        base = decode_base(state.base)
        stored = encode_base(Base({**base.units, **made.bases}, base.shown))
        state = self._told(replace(state, base=stored), made.conflicts)
        steps = [step for step in made.steps if isinstance(step.action, Update)]
        if not steps:
            return replace(state, phase="idle", snapshot=None)
        key = repr(steps[0])
        self.steps[key] = steps[0]
        return replace(state, phase="intended", intent=key)

    def _effect(self, state: State) -> State:
        action = self._action(state)
        side, value = action.ref.side, str(action.values[FIELD])
        half = state.half(side)
        fates = {
            (v, "overwritten" if v == half.value and fate == "standing" and v != value else fate)
            for v, fate in state.fates
        }
        fates = {(v, "settled" if v == value else fate) for v, fate in fates}
        moved = half.value != value
        written = replace(half, by="us", count=half.count + moved)
        if moved:
            written = replace(written, value=value, ours=value, overwrote=half.value)
        return replace(state, effect="done", fates=frozenset(fates)).with_half(side, written)

    def _settle(self, state: State) -> State:
        assert state.answer is not None
        return self._settled(state, self._answer(state.answer, self._action(state)))

    def _answer(self, half: Half, action: Update) -> Applied:
        """What the side's answer proves, as the real ones do: a count, or the value that was overwritten."""
        side = action.ref.side
        record = self._record(side, half)
        if side == "servicenow":
            alone = half.count <= int(action.seen.token) + 1
            return Applied(action.ref, record, alone, () if alone else (Race("", None, False, NOW, ""),))
        before = action.before.get(FIELD)
        raced = half.overwrote not in ("", before)
        lost = (Race(FIELD, half.overwrote, True, NOW, ""),) if raced else ()
        alone_there = False if lost else (True if half.by == "us" else None)
        return Applied(action.ref, record, alone_there, lost)

    def _recover(self, state: State) -> State:
        """As recovery: its value stands, Jira's history shows it, it stays in doubt, or it was not made."""
        action = self._action(state)
        side, value = action.ref.side, action.values[FIELD]
        half, seen = state.half(side), int(action.seen.token)
        if half.value == value or (side == "jira" and half.ours == value and half.count > seen):
            return self._settled(state, self._answer(half, action))
        over = replace(state, intent="", effect="none")
        if side == "jira" or half.count == seen:
            return over
        lost = (Race("", None, False, NOW, ""),) if half.count > seen + 2 else ()
        step, pair = self.steps[state.intent], self._pair(decode_base(state.base))
        done = Applied(action.ref, self._record(side, half), False, lost)
        return self._told(over, (*step.conflicts, *races(pair, step, done, self.vocabulary, NOW)))

    def _settled(self, state: State, applied: Applied) -> State:
        step, base = self.steps[state.intent], decode_base(state.base)
        pair = self._pair(base)
        after = settle(pair, step, applied, self.vocabulary, Directory())
        lost = races(pair, step, applied, self.vocabulary, NOW)
        state = replace(
            state, base=encode_base(after), intent="", effect="none", phase="idle", snapshot=None,
            answer=None,
        )  # fmt: skip
        return self._told(state, (*step.conflicts, *lost))

    def _told(self, state: State, conflicts: tuple[Conflict, ...]) -> State:
        shown, fates = set(state.conflicts), set(state.fates)
        for conflict in conflicts:
            values = (str(conflict.servicenow.get(FIELD, "")), str(conflict.jira.get(FIELD, "")))
            shown.add(values)
            unknown = conflict.kind == "race" and "" in values
            for value, fate in list(fates):
                if value in values or (unknown and fate == "overwritten"):
                    fates.discard((value, fate))
                    fates.add((value, "standing" if fate == "standing" else "settled"))
        return replace(state, conflicts=frozenset(shown), fates=frozenset(fates))

    # What must hold.

    def _check(self, state: State) -> None:
        for side, value in (
            zip(SIDES, zip(*state.conflicts, strict=True), strict=True) if state.conflicts else ()
        ):
            if any(v == "v0" for v in value):
                self.broken.append((f"a conflict names the value of {side} that nobody set", state))
        if state.phase != "idle" or state.intent or state.effect != "none":
            return
        made = plan(self._snapshot(state.halves, decode_base(state.base)), self.vocabulary, Context(NOW))
        told = {(str(c.servicenow.get(FIELD)), str(c.jira.get(FIELD))) for c in made.conflicts}
        if made.steps or made.bases or told - state.conflicts:
            return
        lost = [value for value, fate in state.fates if fate == "overwritten"]
        if lost:
            self.broken.append((f"the edits {', '.join(sorted(lost))} are lost in silence", state))
        if state.halves[0].value != state.halves[1].value and not told:
            self.broken.append(("the sides differ, and nobody is told", state))

    # The engine's view.

    def _action(self, state: State) -> Update:
        action = self.steps[state.intent].action
        assert isinstance(action, Update)
        return action

    def _record(self, side: Side, half: Half) -> Record:
        return _record(side, half)

    def _pair(self, base: Base) -> Pair:
        return Pair(1, "r", REFS["servicenow"], REFS["jira"], "servicenow", "s", "j", base=base)

    def _snapshot(self, halves: tuple[Half, Half], base: Base) -> Snapshot:
        first, second = (self._record(side, half) for side, half in zip(SIDES, halves, strict=True))
        return Snapshot(self._pair(base), first, second, NOW)

    def history(self, state: State) -> list[str]:
        """How a state came about."""
        steps: list[str] = []
        at: State | None = state
        while at is not None:
            at, name = self.parents[at]
            steps.append(name)
        return steps[::-1]


@cache
def _record(side: Side, half: Half) -> Record:
    touched = {FIELD: Touch(NOW, half.by, half.by == "person")} if side == "jira" and half.count else {}
    return Record(
        REFS[side], side[0], Version(str(half.count)), {FIELD: half.value}, NOW, NOW, half.by, touched=touched
    )


def _superseded(fates: frozenset[tuple[str, Fate]], value: str) -> frozenset[tuple[str, Fate]]:
    """A person who overwrites a value on the same side has seen it."""
    return frozenset((v, "settled" if v == value and fate == "standing" else fate) for v, fate in fates)


def check(bounds: Bounds) -> list[Checker]:
    """Explore with each rule."""
    checkers = []
    rules: tuple[Literal["servicenow", "jira", "hold"], ...] = ("servicenow", "jira", "hold")
    for rule in rules:
        checker = Checker(rule, bounds)
        checker.explore()
        checkers.append(checker)
    return checkers


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edits", type=int, default=4)
    parser.add_argument("--deaths", type=int, default=2)
    parser.add_argument("--losses", type=int, default=2)
    options = parser.parse_args()
    bounds = Bounds(options.edits, options.deaths, options.losses)
    started, broken = time.monotonic(), 0
    checkers = check(bounds)
    for checker in checkers:
        print(
            f"clash = {checker.rule}: {len(checker.parents):,} states, {checker.edges:,} transitions, depth "
            f"{checker.depth}, {len(checker.broken)} violations"
        )
        broken += len(checker.broken)
        for what, state in checker.broken[:3]:
            print(f"  {what}:\n    " + "\n    ".join(checker.history(state)))
    states, edges = sum(len(c.parents) for c in checkers), sum(c.edges for c in checkers)
    print(
        f"every order of at most {bounds.edits} edits, {bounds.deaths} deaths, {bounds.losses} lost answers: "
        f"{states:,} states, {edges:,} transitions, depth {max(c.depth for c in checkers)}, "
        f"{broken} violations, in {time.monotonic() - started:.1f} s"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

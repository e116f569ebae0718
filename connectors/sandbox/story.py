"""The plain demo: a few days at a company, told in acts with a pass after each; it runs no pass itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.sandbox import outage, phrases, talk
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.engineers import CLOSED, INDEX_LAG, MARGIN, Choices, Engineers, Planned, Step
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.stage import Deed, DeskEdit, Raise, Script, Stage
from tieline.connectors.sandbox.world import CATEGORY_FIELD, GROUP_FIELD, SUBCATEGORY_FIELD, World

INCIDENTS: Final = 40
FROM_JIRA: Final = 0.25
ROUNDS: Final = 4
OUTAGE_STEP: Final = timedelta(minutes=5)
ACT: Final = timedelta(hours=3)
LONG_TEXT_CHARACTERS: Final = 3900
"""Just under the limit of a description on a stock instance."""

DESK: Final = ("beth.anglin", "abel.tuter")
CALLERS: Final = ("joe.employee", "bud.richman", "vip.person")
ENGINEERS: Final = ("fred.luddy", "david.loo", "bow.ruggeri")
GROUPS: Final = ("Service Desk", "Network", "Database", "Hardware", "Software")
SUBCATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "inquiry": ("email", "internal application"),
    "software": ("email", "operating system"),
    "hardware": ("cpu", "disk", "keyboard", "monitor"),
    "network": ("ip address", "vpn", "wireless"),
    "database": ("db2", "oracle", "sql server"),
}
CLOSE_CODES: Final = (
    "Solution provided",
    "Workaround provided",
    "Duplicate",
    "User error",
    "Resolved by change",
)
NEXT_STATES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "1": (("2", ""), ("2", ""), ("8", "")),
    "2": (("3", "1"), ("3", "4"), ("6", "")),
    "3": (("2", ""), ("6", "")),
    "6": (("7", ""), ("2", "")),
    "7": (("2", ""),),
    "8": (("2", ""),),
}
"""State and hold reason that the service desk gives next: 2 In Progress, 3 On Hold, 6 Resolved."""


@dataclass(frozen=True, slots=True)
class Act:
    """What people did before a pass, under a title. `at` (UTC) is the clock's time now."""

    title: str
    at: datetime
    deeds: Sequence[Deed]


def furnish(world: World, maps: Maps, *, seed: int = 0, incidents: int = INCIDENTS) -> list[Deed]:
    """Raise incidents on both sides now, on a world with any clock; nobody works on them afterwards."""
    story = Story(world, None, maps, seed=seed, incidents=incidents)
    return story.raise_all(world.clock.now())


class Story:
    """The acts of one run, from `seed` and a number of incidents; `clock` must be the world's own.

    Without a clock there are no acts, and everything happens at once.

    Incident `clash` (a key of the ledger) is the one whose category both sides change apart in the third act.
    """

    clash: Final = "s1"

    def __init__(
        self,
        world: World,
        clock: VirtualClock | None,
        maps: Maps,
        *,
        seed: int = 0,
        incidents: int = INCIDENTS,
    ) -> None:
        if incidents < 4:
            raise ValueError("the story needs at least four incidents")
        self.ledger = Ledger(maps)
        self.stage = Stage(world, clock, self.ledger)
        self._clock = clock
        self._incidents = incidents
        self._random = random.Random(f"story {seed}")
        self._engineers = Engineers(maps, _choices(maps), seed)

    def acts(self) -> Iterator[Act]:
        """The acts in order; a pass is to be run after each, and both sides compared after the last."""
        yield self._act("Incidents are raised on both sides", self._raised)
        yield self._act("People work, each incident on one side", self._worked)
        yield self._act("Two people change one incident apart", self._clashed)
        yield self._act("Desk and engineers talk about it", self._talked)
        yield self._act("An engineer corrects what was said", self._corrected)
        for number in range(1, ROUNDS):
            yield self._act(f"Work goes on, round {number} of {ROUNDS - 1}", self._worked)
        yield self._act(
            "An outage: a change goes wrong, and three people notice", self._outage(outage.broken)
        )
        yield self._act("The change is found, a problem is opened", self._outage(outage.explained))
        yield self._act("A second change puts it right", self._outage(outage.cured))

    def _talked(self, start: datetime, _end: datetime) -> Sequence[Script]:
        return talk.spoken(self.clash, DESK[0], _address(ENGINEERS[0]), start + MARGIN)

    def _corrected(self, start: datetime, _end: datetime) -> Sequence[Script]:
        return talk.corrected(self.clash, _address(ENGINEERS[0]), start + MARGIN)

    def _outage(
        self, script: Callable[[datetime, timedelta], list[Script]]
    ) -> Callable[[datetime, datetime], Sequence[Script]]:
        return lambda start, _end: script(start + MARGIN, OUTAGE_STEP)

    def raise_all(self, start: datetime) -> list[Deed]:
        """Let all incidents be raised, in the time of one act from `start` on."""
        return self.stage.play(self._raised(start, start + ACT))

    def _act(self, title: str, script: Callable[[datetime, datetime], Sequence[Script]]) -> Act:
        assert self._clock is not None, "acts take time"
        start = self._clock.now()
        end = start + ACT
        self.stage.mirrored()
        deeds = self.stage.play(script(start, end))
        self._clock.move_to(max(end, self._clock.now()))
        return Act(title, end, deeds)

    def _raised(self, start: datetime, end: datetime) -> list[Script]:
        from_jira = max(1, round(self._incidents * FROM_JIRA))
        return [
            self._raised_in_jira(f"j{number}", self._when(start, end))
            if number <= from_jira
            else self._raised_at_the_desk(f"s{number - from_jira}", self._when(start, end))
            for number in range(1, self._incidents + 1)
        ]

    def _raised_at_the_desk(self, key: str, at: datetime) -> DeskEdit:
        category = self._random.choice(list(SUBCATEGORIES))
        texts = (phrases.summary(key, ""), phrases.description(key, "", "phone", ""))
        if key == "s2":
            texts = ("A long story", phrases.long_text(key, LONG_TEXT_CHARACTERS))
        values = {
            "short_description": texts[0],
            "description": texts[1],
            "category": category,
            "subcategory": self._random.choice(SUBCATEGORIES[category]),
            "impact": self._random.choice("123"),
            "urgency": self._random.choice("123"),
            "assignment_group": self._random.choice(GROUPS),
            "caller_id": _address(self._random.choice(CALLERS)),
        }
        return DeskEdit(at, key, self._random.choice(DESK), values, first=True)

    def _raised_in_jira(self, key: str, at: datetime) -> Raise:
        category = self._random.choice([name for name in SUBCATEGORIES if name != "inquiry"])
        values = {
            "summary": phrases.summary(key, ""),
            "description": phrases.description(key, "", "Jira", ""),
            "priority": self._random.choice(("High", "Medium", "Low")),
            CATEGORY_FIELD: category.capitalize(),
            SUBCATEGORY_FIELD: self._random.choice(SUBCATEGORIES[category]),
            GROUP_FIELD: self._random.choice(GROUPS),
        }
        return Raise(at, key, self._random.choice(ENGINEERS), values)

    def _worked(self, start: datetime, end: datetime) -> list[Script]:
        """Two thirds of the incidents move; a few on both sides, in what can be told apart."""
        script: list[Script] = []
        for key in self._random.sample(list(self.ledger.incidents), k=self._incidents * 2 // 3):
            desk = self._desk_edit(key, self._when(start, end)) if self._random.random() < 0.6 else None
            script += [desk] if desk else []
            if desk is None or self._random.random() < 0.2:
                planned = [Planned(desk.at, desk.values)] if desk else []
                step = self._step(key, planned, start, end)
                script += [step] if step else []
        return script

    def _step(self, key: str, planned: Sequence[Planned], start: datetime, end: datetime) -> Step | None:
        incident = self.ledger.incidents[key]
        if incident.servicenow["state"] == CLOSED or not self.stage.on_both_sides(key):
            return None
        return self._engineers.step(key, incident, planned, start, end)

    def _desk_edit(self, key: str, at: datetime) -> DeskEdit | None:
        if not self.stage.on_both_sides(key):
            return None
        incident = self.ledger.incidents[key]
        kinds: list[Callable[[], Mapping[str, str]]] = [
            self._category,
            lambda: {"assigned_to": _address(self._random.choice(ENGINEERS))},
            lambda: {"assignment_group": self._random.choice(GROUPS)},
            lambda: self._state(incident.servicenow["state"]),
            lambda: self._state(incident.servicenow["state"]),
        ]
        if incident.origin == "servicenow":
            kinds.append(lambda: {self._random.choice(("impact", "urgency")): self._random.choice("123")})
        return DeskEdit(at, key, self._random.choice(DESK), self._random.choice(kinds)())

    def _category(self) -> Mapping[str, str]:
        category = self._random.choice(list(SUBCATEGORIES))
        return {"category": category, "subcategory": self._random.choice(SUBCATEGORIES[category])}

    def _state(self, now: str) -> Mapping[str, str]:
        state, hold_reason = self._random.choice(NEXT_STATES[now])
        values = {"state": state, "hold_reason": hold_reason}
        if state == "6":
            values["close_code"] = self._random.choice(CLOSE_CODES)
            values["close_notes"] = f"Done, note {self._random.randrange(10**6)}."
        return values

    def _clashed(self, start: datetime, end: datetime) -> list[Script]:
        """The desk and an engineer move one incident's category apart; the engineer comes later."""
        now = self.ledger.incidents[self.clash].servicenow["category"]
        desk, engineer = self._random.sample(
            [name for name in SUBCATEGORIES if name not in (now, "inquiry")], k=2
        )
        first = start + MARGIN
        values = {CATEGORY_FIELD: engineer.capitalize()}
        return [
            DeskEdit(first, self.clash, DESK[0], {"category": desk}),
            Step(first + 2 * MARGIN, self.clash, _address(ENGINEERS[0]), values, "jira"),
        ]

    def _when(self, start: datetime, end: datetime) -> datetime:
        first, last = start + MARGIN, end - INDEX_LAG
        return first + timedelta(seconds=self._random.randrange(int((last - first).total_seconds())))


def _choices(maps: Maps) -> Choices:
    category = next(pair for pair in maps.fields if pair.name == "category")
    return Choices(
        by_field={
            GROUP_FIELD: GROUPS,
            CATEGORY_FIELD: [theirs[0] for _, theirs in category.values.classes],
            SUBCATEGORY_FIELD: [name for names in SUBCATEGORIES.values() for name in names],
        },
        people=[_address(name) for name in ENGINEERS],
        resolution={},
    )


def _address(name: str) -> str:
    return f"{name}@example.com"

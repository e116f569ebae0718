"""What one seed stands for, as data: what people do, what the systems are like, what goes wrong and when.

It runs nothing. A scenario is complete: the same one always gives the same run, and a smaller one (some
deeds, faults or deaths left out) is a scenario as well, which is how a failure is cut down.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from tieline.connectors.base import SIDES, Side

SINGLE: Final = ("summary", "description", "category", "subcategory", "labels", "assignee", "group")
UNITS: Final = (*SINGLE, "status", "priority")

DeedKind = Literal[
    "raise", "edit", "both", "resolve", "close", "reopen", "hold", "move", "clone", "hide", "unhide",
    "delete", "note", "sour", "sweeten", "foreign", "garble", "mend",
]  # fmt: skip
"""`both`: one field, two people, two values, within a second. `sour`: the system refuses every write to the
record from now on; `sweeten` ends that. `foreign`: raised with a marker of another installation. `garble`: no
answer that holds the record can be believed from now on; `mend` ends that."""

FaultKind = Literal[
    "reset", "busy", "denied", "malformed", "half", "lost", "lost_made", "lost_late", "refused", "stale",
    "garbled", "double", "cut_off",
]  # fmt: skip
READ_FAULTS: Final[tuple[FaultKind, ...]] = ("reset", "busy", "denied", "malformed", "half")
WRITE_FAULTS: Final[tuple[FaultKind, ...]] = (
    "reset", "busy", "lost", "lost_made", "lost_late", "refused", "stale", "garbled", "double", "cut_off",
)  # fmt: skip

ErrandKind = Literal["backup", "restore", "lose", "resolve", "retry", "rival"]


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does `at` seconds after the start. `n` is unique; values are made of it.

    `incident` counts incidents in the order in which people raised them. With `late`, the edit is stamped
    now and can be seen so many seconds later.
    """

    at: float
    kind: DeedKind
    incident: int
    side: Side
    unit: str
    n: int
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Ambush:
    """A person edits the record of the `write`-th edit or transition, just before or after its effect."""

    write: int
    before: bool
    same_field: bool
    n: int


@dataclass(frozen=True, slots=True)
class Put:
    """A person puts a file on a record `at` seconds after the start; its content is made of `n`."""

    at: float
    incident: int
    side: Side
    n: int
    name: str
    large: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """What an administrator does before the pass with this number; `rival` starts a second process in it."""

    before_pass: int
    kind: ErrandKind
    n: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """A person says, edits or deletes something `at` seconds after the start; its words are made of `n`."""

    at: float
    incident: int
    side: Side
    n: int
    kind: str = "say"
    public: bool = False


@dataclass(frozen=True, slots=True)
class Accord:
    """People on both sides set one field to one value; `back` seconds later the one of `side` undoes it."""

    at: float
    incident: int
    side: Side
    n: int
    back: float


@dataclass(frozen=True, slots=True)
class Traits:
    """What both systems are like, and how the mirror is configured."""

    cloud: bool = True
    skew: tuple[float, float] = (0.0, 0.0)
    lag: float = 0.0
    rules: frozenset[str] = frozenset()
    clash: tuple[str, ...] = ("newest",) * len(UNITS)
    tie: tuple[str, ...] = ("servicenow",) * len(UNITS)
    first: str = "hold"
    wave: int = 100
    page: int = 50
    workflow: bool = True
    reopen: str = "write"
    max_records: int = 5000
    latency: float = 0.15
    overlap: bool = True
    """Whether the feeds reach back at all; without, nothing is committed late and no index lags."""
    files: bool = False
    """Whether files are carried over."""
    talk: bool = False
    """Whether conversations are mirrored."""
    policy: str = ""
    """The rules that every pass applies; "" for none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One seed, spelled out."""

    seed: int
    traits: Traits
    deeds: tuple[Deed, ...] = ()
    ambushes: tuple[Ambush, ...] = ()
    read_faults: tuple[tuple[int, FaultKind], ...] = ()
    write_faults: tuple[tuple[int, FaultKind], ...] = ()
    deaths: tuple[int, ...] = ()
    errands: tuple[Errand, ...] = ()
    gaps: tuple[float, ...] = field(default=(120.0,) * 20)
    """Seconds between the passes while people work."""
    puts: tuple[Put, ...] = ()
    remarks: tuple[Remark, ...] = ()
    accords: tuple[Accord, ...] = ()

    def __len__(self) -> int:
        return sum(len(getattr(self, part)) for part in PARTS)

    def without(self, part: str, start: int, stop: int) -> Scenario:
        """The scenario without a slice of one of its parts."""
        items = getattr(self, part)
        return replace(self, **{part: items[:start] + items[stop:]})

    @property
    def tampered(self) -> bool:
        """Whether the state is restored from a backup or lost on the way."""
        return any(errand.kind in ("restore", "lose") for errand in self.errands)


PARTS: Final = (
    "errands", "deaths", "read_faults", "write_faults", "ambushes", "accords", "puts", "remarks", "deeds",
)  # fmt: skip


def generate(seed: int) -> Scenario:
    """The scenario of a seed."""
    chance = random.Random(f"tieline {seed}")
    traits = _traits(chance)
    passes = chance.randint(8, 14)
    gaps = tuple(chance.choice((20.0, 60.0, 120.0, 300.0)) for _ in range(passes))
    deeds = _deeds(chance, sum(gaps), traits)
    stormy = chance.random() < 0.8
    reads = _faults(chance, READ_FAULTS, 30 * passes, chance.choice((2, 6, 15))) if stormy else ()
    writes = _faults(chance, WRITE_FAULTS, 80, chance.choice((3, 8, 20))) if stormy else ()
    mortal = chance.random() < 0.6
    deaths = tuple(sorted(chance.sample(range(60 * passes), chance.randint(1, 6)))) if mortal else ()
    ambushes = tuple(
        Ambush(write, chance.random() < 0.7, chance.random() < 0.7, 50_000 + number)
        for number, write in enumerate(sorted(chance.sample(range(1, 25), chance.choice((0, 3, 8)))))
    )
    errands = _errands(chance, passes)
    return Scenario(seed, traits, deeds, ambushes, reads, writes, deaths, errands, gaps)


def _traits(chance: random.Random) -> Traits:
    some = [rule for rule in RULES if chance.random() < 0.15]
    overlap = chance.random() < 0.75
    return Traits(
        overlap=overlap,
        cloud=chance.random() < 0.7,
        skew=(chance.choice((0.0, -1.4, 1.4, 95.0, -95.0)), chance.choice((0.0, 0.0, -1.4, 40.0, -300.0))),
        lag=chance.choice((0.0, 4.0, 45.0, 200.0)) if overlap else 0.0,
        rules=frozenset(some),
        clash=tuple(chance.choice(("newest", "newest", "servicenow", "jira", "hold")) for _ in UNITS),
        tie=tuple(chance.choice(("servicenow", "jira", "hold")) for _ in UNITS),
        first=chance.choice(("servicenow", "jira", "hold")),
        wave=chance.choice((2, 5, 100)),
        page=chance.choice((2, 7, 50)),
        workflow=chance.random() < 0.8,
        reopen=chance.choice(("write", "write", "write", "comment")),
        max_records=chance.choice((5000, 5000, 5000, 6)),
        latency=chance.choice((0.02, 0.15, 0.8)),
    )


RULES: Final = ("upper", "lower", "alternate", "auto_close", "auto_close_jira", "self_assign", "stamp")
"""upper, lower: rewrite the summary on ServiceNow at once, in Jira a little later. alternate: toggles the
subcategory on each write. stamp: touches an unmapped field after each write."""


def _deeds(chance: random.Random, span: float, traits: Traits) -> tuple[Deed, ...]:
    incidents = chance.randint(2, 7)
    numbers: Iterator[int] = iter(range(1, 10_000))
    raised = sorted(chance.choice((0.0, chance.uniform(0, span * 0.7))) for _ in range(incidents))
    deeds = [
        Deed(
            at,
            "foreign" if chance.random() < 0.04 else "raise",
            which,
            chance.choice(SIDES),
            "",
            next(numbers),
        )
        for which, at in enumerate(raised)
    ]
    deeds += [
        _deed(chance, span, incidents, next(numbers), may_be_late=traits.overlap)
        for _ in range(chance.choice((10, 25, 45)))
    ]
    if traits.max_records < 100 and chance.random() < 0.7:
        at = chance.uniform(span * 0.2, span * 0.8)
        crowd = range(incidents, incidents + traits.max_records + 3)
        deeds += [Deed(at, "raise", which, "servicenow", "", next(numbers)) for which in crowd]
    return tuple(sorted(deeds, key=lambda deed: (deed.at, deed.n)))


def _deed(chance: random.Random, span: float, incidents: int, n: int, *, may_be_late: bool) -> Deed:
    kind: DeedKind = chance.choices(
        ("edit", "both", "resolve", "close", "reopen", "hold", "move", "clone", "hide", "unhide", "delete",
         "note", "sour", "sweeten"),
        (50, 12, 7, 4, 6, 5, 1, 4, 1.5, 1.5, 0.7, 5, 1.2, 1.2),
    )[0]  # fmt: skip
    at = chance.uniform(0, span)
    at = float(int(at)) if chance.random() < 0.3 else at
    late = chance.choice((0.0, 0.0, 0.0, 0.0, 2.0, 40.0)) if may_be_late else 0.0
    return Deed(at, kind, chance.randrange(incidents), chance.choice(SIDES), chance.choice(UNITS), n, late)


def _faults(
    chance: random.Random, kinds: tuple[FaultKind, ...], span: int, count: int
) -> tuple[tuple[int, FaultKind], ...]:
    return tuple(sorted((at, chance.choice(kinds)) for at in chance.sample(range(span), count)))


def _errands(chance: random.Random, passes: int) -> tuple[Errand, ...]:
    errands = [
        Errand(chance.randrange(2, passes), kind, chance.randrange(1000))
        for kind in ("resolve", "resolve", "retry", "rival", "rival")
        if chance.random() < 0.5
    ]
    fate = chance.random()
    if fate < 0.08:
        first, second = sorted(chance.sample(range(1, passes), 2))
        errands += [Errand(first, "backup"), Errand(second, "restore")]
    elif fate < 0.15:
        errands.append(Errand(chance.randrange(2, passes), "lose"))
    return tuple(sorted(errands, key=lambda errand: (errand.before_pass, errand.kind, errand.n)))  # fmt: skip

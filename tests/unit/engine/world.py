"""Two sides in memory, a state and a clock: a small world in which passes are run and looked at."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tieline.connectors.base import SIDES, Entity, Move, Record, Side, Value
from tieline.connectors.memory import MemorySide, Row
from tieline.sync.config.model import Config
from tieline.sync.engine import run_pass
from tieline.sync.marker import parse_marker
from tieline.sync.model import AuditEntry, Conflict, Pair, Park, PassSummary
from tieline.sync.run import PassOptions, new_run
from tieline.sync.store import Store, open_store

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
WRITES = frozenset({"Create", "Update", "Transition", "ShowLink", "AddNote", "Relate", "Unrelate"})
RESOLVE = frozenset({"resolution", "customfield_10053"})
MATRIX = {("1", "1"): "1", ("1", "2"): "2", ("1", "3"): "3", ("2", "1"): "2", ("2", "2"): "3",
          ("2", "3"): "4", ("3", "1"): "3", ("3", "2"): "4", ("3", "3"): "5"}  # fmt: skip

PERSON_SN = Entity("servicenow", "person", "u-ada", "Ada", "ada@example.com", "ada")
PERSON_JIRA = Entity("jira", "person", "acc-ada", "Ada", "ada@example.com")


def move(id_: str, to: str, fields: frozenset[str] = frozenset(), required: str = "") -> Move:
    done = to in ("Resolved", "Closed", "Canceled")
    return Move(id_, to, done, fields, frozenset({required} if required else ()))


WORKFLOW: Mapping[str, tuple[Move, ...]] = {
    "Open": (move("11", "In Progress"), move("61", "Canceled", RESOLVE, "resolution")),
    "In Progress": (
        move("12", "Open"), move("21", "Waiting"), move("22", "Blocked"),
        move("41", "Resolved", RESOLVE, "resolution"), move("52", "Closed", RESOLVE, "resolution"),
        move("62", "Canceled", RESOLVE, "resolution"),
    ),
    "Waiting": (move("31", "In Progress"),),
    "Blocked": (move("32", "In Progress"),),
    "Resolved": (move("71", "In Progress"), move("51", "Closed", frozenset({"customfield_10053"}))),
    "Closed": (move("72", "In Progress"),),
    "Canceled": (move("73", "In Progress"),),
}  # fmt: skip


def incident_rules(row: Row, _by: str) -> Mapping[str, Value]:
    """What ServiceNow makes of an incident: defaults, and the priority from impact and urgency."""
    impact, urgency = row.values.get("impact") or "3", row.values.get("urgency") or "3"
    return {
        "state": row.values.get("state") or "1",
        "impact": impact,
        "urgency": urgency,
        "priority": MATRIX[str(impact), str(urgency)],
    }


def reopening_clears(row: Row, _by: str) -> Mapping[str, Value]:
    """A workflow's post-function: out of a done status there is no resolution."""
    done = row.values.get("status") in ("Resolved", "Closed", "Canceled")
    return {} if done else {"resolution": None}


def settings(**changes: Any) -> Config:
    """The example configuration, changed: `route={...}`, `field={"summary": {...}}`, `status`, `limits`."""
    path = Path(__file__).resolve().parents[3] / "config.example.toml"
    raw = tomllib.loads(path.read_text())
    for key, change in changes.items():
        if key == "route":
            raw["route"][0].update(change)
        elif key == "field":
            for field in raw["field"]:
                field.update(change.get(field["name"], {}))
        elif isinstance(change, dict):
            raw[key] = {**raw.get(key, {}), **change}
        else:
            raw[key] = change
    return Config.model_validate(raw)


class World:
    """Both sides with the example's vocabulary, and a state of their own in memory."""

    def __init__(self, url: str = "sqlite://", base_dir: Path | None = None, **changes: Any) -> None:
        self.now = START
        self.config = settings(**changes)
        self.sn = MemorySide("servicenow", self.clock, place="incident", prefix="INC")
        self.jira = MemorySide(
            "jira", self.clock, place="OPS/Incident", prefix="OPS-", workflow=WORKFLOW, first_status="Open"
        )
        self.sn.rules.append(incident_rules)
        self.jira.rules.append(reopening_clears)
        self.store: Store = open_store(url, base_dir=base_dir)
        self.passes = 0

    def clock(self) -> datetime:
        return self.now

    def lose_the_state(self) -> None:
        """The state is gone, and a new one is begun; both sides stand as they were."""
        self.store.close()
        self.store = open_store("sqlite://")

    def tick(self, seconds: float = 60) -> None:
        self.now += timedelta(seconds=seconds)

    def run(self, **options: Any) -> PassSummary:
        """One pass; the requests are those of this pass alone."""
        self.passes += 1
        self.sn.requests.clear()
        self.jira.requests.clear()
        return run_pass(
            self.config, self.store, self.sides, clock=self.clock, id_=f"pass-{self.passes}",
            options=PassOptions(**options),
        )  # fmt: skip

    def settle(self, passes: int = 6, seconds: float = 60) -> None:
        """Run passes until one writes nothing; fail if there is no end (P3)."""
        for _ in range(passes):
            self.tick(seconds)
            self.run()
            if not self.writes:
                return
        raise AssertionError(f"{passes} passes, and still it writes: {self.writes}")

    @property
    def sides(self) -> Mapping[Side, MemorySide]:
        return {"servicenow": self.sn, "jira": self.jira}

    @property
    def writes(self) -> Counter[str]:
        """The writes of the last pass."""
        return Counter(r for side in self.sides.values() for r in side.requests if r in WRITES)

    @property
    def asked(self) -> Counter[str]:
        """The requests of the last pass."""
        return Counter(r for side in self.sides.values() for r in side.requests)

    # What people do.

    def incident(self, **values: Value) -> Row:
        return self.sn.make({"short_description": "Printer broken", "category": "network", **values})

    def issue(self, **values: Value) -> Row:
        return self.jira.make({"summary": "Mail is slow", "priority": "High", **values})

    def paired(self, **values: Value) -> tuple[Row, Row]:
        """An incident with its mirror, in step; the clock has gone on."""
        row = self.incident(**values)
        self.tick()
        self.run(initial=True)
        self.settle()
        self.tick()
        return row, self.mirror_of(row)

    def everybody(self) -> None:
        """Ada works on both sides; so does the group Network."""
        for side, person in ((self.sn, PERSON_SN), (self.jira, PERSON_JIRA)):
            side.people[person.id] = person
        self.sn.groups["g-net"] = Entity("servicenow", "group", "g-net", "Network")
        self.jira.groups["Network"] = Entity("jira", "group", "Network", "Network")

    # What stands where.

    def mirror_of(self, row: Row) -> Row:
        """The one other half of a record, by the state."""
        for pair in self.pairs():
            if pair.state != "unlinked" and row is self.sn.rows.get(pair.servicenow.id):
                return self.jira.rows[pair.jira.id]
            if pair.state != "unlinked" and row is self.jira.rows.get(pair.jira.id):
                return self.sn.rows[pair.servicenow.id]
        raise AssertionError(f"{row.label} has no pair")

    def pairs(self) -> list[Pair]:
        with self.store.read() as tx:
            return tx.walk_pairs(0, 10_000)

    def conflicts(self, *, open_only: bool = False) -> list[Conflict]:
        with self.store.read() as tx:
            return tx.conflicts(open_only=open_only)

    def parks(self) -> list[Park]:
        with self.store.read() as tx:
            return tx.all_parks()

    def waiting(self) -> int:
        with self.store.read() as tx:
            return tx.inbox_count()

    def intents(self) -> int:
        with self.store.read() as tx:
            return len(tx.open_intents())

    def audit(self) -> Sequence[AuditEntry]:
        with self.store.read() as tx:
            return tx.audit_trail()

    def made_by_us(self) -> list[str]:
        """The origin that each mirror on either side names, with repetitions."""
        found = []
        for side in SIDES:
            for row in self.sides[side].rows.values():
                marker = parse_marker(row.marker)
                if marker is not None and marker.installation == self.config.installation:
                    found.append(f"{side}:{marker.origin}:{marker.parent}")
        return found

    def one_mirror_each(self) -> None:
        """P1: no incident has two mirrors, and no mirror has a mirror, but for children of closed ones."""
        made = self.made_by_us()
        assert len(made) == len(set(made)), f"two mirrors of one record: {made}"
        mirrors = {row.id for s in self.sides.values() for row in s.rows.values() if row.marker}
        for side, across in (("servicenow", self.jira), ("jira", self.sn)):
            for row in across.rows.values():
                marker = parse_marker(row.marker)
                if marker is not None and not marker.parent:
                    origin = self.sides[side].rows.get(marker.origin)  # type: ignore[index]
                    assert origin is None or origin.id not in mirrors or not origin.marker

    def in_step(self) -> None:
        """Each live pair agrees in each unit, in classes; nothing is open, waiting or parked."""
        run = new_run("check", self.config, self.store, self.sides, self.clock, PassOptions(), remember=False)
        for pair in self.pairs():
            if pair.state == "unlinked":
                continue
            records = [run.read(side, [pair.ref(side)])[0] for side in SIDES]
            assert isinstance(records[0], Record), records
            assert isinstance(records[1], Record), records
            vocabulary = run.vocabularies[pair.route]
            directory = run.people.directory([(r, vocabulary) for r in (records[0], records[1])], self.now)
            for unit in vocabulary.units:
                theirs = [dict(unit.own(r.ref.side, r.values)) for r in (records[0], records[1])]
                assert unit.agrees(theirs[0], theirs[1], directory), (unit.name, theirs)
        assert (self.intents(), self.parks()) == (0, [])

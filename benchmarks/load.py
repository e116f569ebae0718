"""What a pass costs where there are many pairs: time, memory, size of the state. It needs no network.

    python -m benchmarks.load [--write] [PAIRS ...]        default: 100000 1000000

Both sides stand in memory and keep no record: each is worked out from its id when it is asked for, so that
what is measured is Tieline and its state on a real disk. Every measurement is a process of its own; its
memory is the highest that it ever had, the interpreter and all modules (the first row) among it.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from benchmarks.pages import ROOT, machine, put
from tieline.connectors.base import (
    Action,
    Affected,
    Applied,
    Ask,
    Attachment,
    Capabilities,
    Change,
    Conversation,
    Entity,
    Identity,
    Page,
    PersonKey,
    Record,
    Ref,
    Reviewed,
    Search,
    ShowLink,
    Side,
    Target,
    Transition,
    Update,
    Values,
    Version,
)
from tieline.connectors.errors import ConnectorError
from tieline.sync.config import Config, load_config
from tieline.sync.engine import run_pass
from tieline.sync.model import Base, Dealt, Pair, UnitBase
from tieline.sync.run import PassOptions
from tieline.sync.store import open_store
from tieline.sync.vocabulary import vocabulary

NOW: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
OWN: Final[Mapping[Side, Values]] = {
    "servicenow": {
        "short_description": "Mail does not arrive", "description": "Since this morning, on all devices.",
        "category": "software", "subcategory": "email", "assigned_to": None, "assignment_group": None,
        "state": "2", "hold_reason": None, "close_code": None, "close_notes": None, "impact": "2",
        "urgency": "2", "priority": "3",
    },
    "jira": {
        "summary": "Mail does not arrive", "description": "Since this morning, on all devices.",
        "customfield_10051": "Software", "customfield_10052": "email", "assignee": None,
        "customfield_10050": None, "status": "In Progress", "resolution": None, "customfield_10053": None,
        "priority": "Medium",
    },
}  # fmt: skip


class Endless:
    """A side with a record for every id. The first `changed` of ServiceNow have a new summary."""

    def __init__(self, side: Side, fed: int, changed: int) -> None:
        self.side: Side = side
        self.requests = 0
        self._fed = fed
        self._changed = changed
        self._written: dict[str, str] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.side, transitions=self.side == "jira")

    def identity(self) -> Identity:
        self.requests += 1
        return Identity("tieline", "Tieline")

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        for first in range(0, max(self._fed, 1), 1000):
            self.requests += 1
            ids = range(first, min(first + 1000, self._fed))
            refs = (Ref(self.side, id_of(self.side, n)) for n in ids)
            yield Page(tuple(Change(ref, ref.id, Version("1@"), NOW) for ref in refs), str(first))

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        self.requests += bool(refs)
        return [self._record(ref) for ref in refs]

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        self.requests += 1
        done: list[Applied | ConnectorError] = []
        for action in actions:
            assert isinstance(action, Update | ShowLink), action
            if isinstance(action, Update):
                self._written[action.ref.id] = str(action.values.get("summary"))
            done.append(Applied(action.ref, self._record(action.ref), alone=True))
        return done

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        raise NotImplementedError

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        return frozenset(refs)

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        return []

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        return iter(())

    def lookup(self, label: str) -> Ref | None:
        return None

    def watermark(self, place: str) -> str:
        return ""

    def entities(self, kind: str, ids: Sequence[str]) -> list[Entity]:
        return []

    def search_entities(
        self, kind: str, keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        return {}

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        self.requests += bool(records)
        return [() for _ in records]

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        self.requests += 1
        yield Page((), "0")

    def content(self, file: Attachment) -> Iterator[bytes]:
        raise NotImplementedError

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        return []

    def seek(self, search: Search) -> list[Target]:
        return []

    def depends_on(self, cis: Sequence[str]) -> Mapping[str, frozenset[str]]:
        return {}

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        self.requests += bool(refs)
        return [Affected() for _ in refs]

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        self.requests += 1
        yield Page((), "0")

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        self.requests += bool(refs)
        return [frozenset() for _ in refs]

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        self.requests += bool(asks)
        return [Conversation(ask.ref) for ask in asks]

    def close(self) -> None:
        """Nothing to let go of."""

    def _record(self, ref: Ref) -> Record:
        values = dict(OWN[self.side])
        number = int(ref.id, 16) if self.side == "servicenow" else int(ref.id) - 10_000
        if self.side == "servicenow" and number < self._changed:
            values["short_description"] = f"Mail {number}"
        if ref.id in self._written:
            values["summary"] = self._written[ref.id]
        place = "incident" if self.side == "servicenow" else "OPS/Incident"
        return Record(
            ref, label_of(self.side, number), Version("1@"), MappingProxyType(values), NOW, NOW, "somebody",
            place, "", f"https://{self.side}.example/{ref.id}",
        )  # fmt: skip


def id_of(side: Side, number: int) -> str:
    return f"{number:032x}" if side == "servicenow" else str(number + 10_000)


def label_of(side: Side, number: int) -> str:
    return f"INC{number:07d}" if side == "servicenow" else f"OPS-{number}"


def fill(path: Path, count: int, config: Config) -> None:
    """A state with so many pairs in step: the first through the store, the others copied from it."""
    with open_store(f"sqlite:///{path}") as store, store.transaction() as tx:
        first = tx.add_pair(_pair(config))
        assert first.id == 1
        tx.set_note(f"initial:{config.routes[0].name}", NOW.isoformat())
        for side in ("servicenow", "jira"):
            tx.set_cursor(side, "0")
    connection = sqlite3.connect(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(pairs)") if row[1] != "id"]
    query = f"SELECT {', '.join(columns)} FROM pairs"  # noqa: S608  names of its own columns
    row = dict(zip(columns, connection.execute(query).fetchone(), strict=True))
    checked = _micros(NOW)

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(1, count):
            own = {"servicenow_id": id_of("servicenow", number), "jira_id": id_of("jira", number),
                   "number": label_of("servicenow", number), "key": label_of("jira", number)}  # fmt: skip
            yield tuple({**row, **own, "checked_at": checked}.values())

    marks = ", ".join("?" for _ in columns)
    with connection:
        connection.executemany(f"INSERT INTO pairs ({', '.join(columns)}) VALUES ({marks})", rows())  # noqa: S608
        connection.execute("UPDATE pairs SET checked_at = ?", (checked,))
        connection.execute("UPDATE tallies SET value = ? WHERE name = 'pairs:active'", (count,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _pair(config: Config) -> Pair:
    units = {}
    for unit in vocabulary(config, config.routes[0]).units:
        dealt = {side: Dealt(unit.own(side, OWN[side])) for side in OWN}
        units[unit.name] = UnitBase(dealt["servicenow"], dealt["jira"], NOW)
    return Pair(
        0, config.routes[0].name, Ref("servicenow", id_of("servicenow", 0)), Ref("jira", id_of("jira", 0)),
        "servicenow", label_of("servicenow", 0), label_of("jira", 0), created_at=NOW,
        base=Base(units, {"servicenow": "OPS-0", "jira": "INC0000000 In Progress"}),
    )  # fmt: skip


def measure(what: str, path: Path, pairs: int) -> dict[str, float]:
    """One measurement, in this process."""
    config = load_config(ROOT / "config.example.toml")
    many, slice_ = min(MANY, pairs), min(SLICE, pairs)
    fed, changed, swept = {"idle": (0, 0, 0), "sweep": (0, 0, slice_), "seen": (many, 0, 0),
                           "changes": (many, many, 0), "modules": (0, 0, 0)}[what]  # fmt: skip
    limits = config.limits.model_copy(update={"sweep_records": swept, "max_records": 10**9, "max_share": 1.0})
    config = config.model_copy(update={"limits": limits})
    started, requests = time.perf_counter(), 0
    if what != "modules":
        sides = {side: Endless(side, fed if side == "servicenow" else 0, changed) for side in OWN}
        at = NOW + timedelta(hours=13 if swept else 1)
        with open_store(f"sqlite:///{path}") as store:
            started = time.perf_counter()
            run_pass(config, store, sides, clock=lambda: at, id_=f"load-{what}", options=PassOptions())
        requests = sum(side.requests for side in sides.values())
    return {
        "seconds": time.perf_counter() - started,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "requests": requests,
    }


def report(count: int) -> Iterator[str]:
    """All measurements with so many pairs, line by line of a table."""
    config = load_config(ROOT / "config.example.toml")
    with tempfile.TemporaryDirectory(prefix="tieline-load-") as folder:
        path = Path(folder) / "state.db"
        fill(path, count, config)
        size = path.stat().st_size / 1e6
        yield f"{count:,} pairs, a state of {size:,.0f} MB ({size * 1e6 / count:,.0f} bytes a pair):"
        yield "\n| work | time | peak memory | requests | state grows by |\n|---|---|---|---|---|"
        for what, words in WHAT.items():
            command = [sys.executable, "-m", "benchmarks.load", "--measure", what, str(path), str(count)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603
            found, before = json.loads(done.stdout.splitlines()[-1]), size
            size = path.stat().st_size / 1e6
            cells = (
                words.format(many=min(MANY, count), slice=min(SLICE, count)),
                f"{found['seconds']:.2f} s", f"{found['memory']:.0f} MB", f"{found['requests']:,.0f}",
                f"{size - before:.1f} MB",
            )  # fmt: skip
            yield f"| {' | '.join(cells)} |"
    yield ""


MANY: Final = 100_000
"""Changes that arrive at once."""
SLICE: Final = 10_000
"""Pairs that one sweep takes on."""
WHAT: Final = {
    "modules": "interpreter and modules, no pass",
    "idle": "a pass in which nothing changed",
    "sweep": "a sweep of {slice:,} pairs",
    "seen": "{many:,} records changed, nothing to carry",
    "changes": "{many:,} changes at once, each written",
}


def main() -> None:
    """The command."""
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
        return
    counts = [int(word) for word in sys.argv[1:] if word != "--write"] or [100_000, 1_000_000]
    lines = []
    for count in counts:
        for line in report(count):
            print(line, flush=True)
            lines.append(line)
    if "--write" in sys.argv:
        put("load", "\n".join([*lines, f"{machine()}."]))


if __name__ == "__main__":
    main()

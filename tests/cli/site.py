"""Both stand-ins over real HTTP, a configuration that works on them, and the program to run on it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tieline import cli
from tieline.connectors.http import Timing
from tieline.connectors.sandbox.check import Report
from tieline.connectors.sandbox.core import Clock, Fault, RealClock, Request, Response, VirtualClock
from tieline.connectors.sandbox.expected import Maps
from tieline.connectors.sandbox.jira import Ticket
from tieline.connectors.sandbox.world import World
from tieline.sync.commands import (
    audit,
    conflicts,
    forget,
    leave,
    link,
    links,
    parked,
    plan,
    rebuild,
    session,
    show,
    state,
    status,
    sync,
    undo,
    verify,
)
from tieline.sync.store import Store, open_store

Row = dict[str, Any]
MONDAY = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
AT_ONCE = (timedelta(0), timedelta(0))
WRITES = ("PUT", "PATCH", "DELETE")
READS_BY_POST = ("search", "bulkfetch")
COMMANDS = (
    audit, conflicts, forget, leave, link, links, parked, plan, rebuild, session, show, state, status, sync,
    undo, verify,
)  # fmt: skip
ABEL, BETH = "abel.tuter", "beth.anglin@example.com"


@dataclass(frozen=True)
class Said:
    """What one run of the program said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Site:
    """A served world with a folder that holds `config.toml` and the state."""

    def __init__(self, folder: Path, template: str, clock: Clock, world: World) -> None:
        self.folder = folder
        self.clock = clock
        self.world = world
        self.config = folder / "config.toml"
        self.state = folder / "tieline.db"
        self.config.write_text(world.configuration(template), encoding="utf-8")

    # The program.

    def run(self, *arguments: str) -> Said:
        """`tieline ARGUMENTS --config …` in this process, on the site's clock."""
        out, err = io.StringIO(), io.StringIO()
        argv = ["tieline", *arguments]
        code: Any = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", argv)
            patch.setenv("TIELINE_CONFIG", str(self.config))
            for name, secret in self.world.environment().items():
                patch.setenv(name, secret)
            self._turn_clocks(patch)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    cli.main()
                except SystemExit as end:
                    code = end.code
        said = Said(code, out.getvalue(), err.getvalue())
        assert "Traceback" not in said.all
        for secret in self.world.environment().values():
            assert secret not in said.all
        return said

    def _turn_clocks(self, patch: pytest.MonkeyPatch) -> None:
        if not isinstance(self.clock, VirtualClock):
            return
        clock = self.clock
        timing = Timing(
            now=clock.now,
            monotonic=lambda: clock.now().timestamp(),
            sleep=lambda seconds: clock.advance(timedelta(seconds=seconds)),
            rng=random.Random(7),
        )
        patch.setattr(cli, "_timing", lambda _clock: timing)
        for module in COMMANDS:
            patch.setattr(module, "utc_now", clock.now, raising=False)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """The real program as a process of its own."""
        environment = {**os.environ, **self.world.environment(), "TIELINE_CONFIG": str(self.config)}
        return subprocess.Popen(
            [sys.executable, "-m", "tieline.cli", *arguments],
            env=environment, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def process(self, *arguments: str, **options: Any) -> Said:
        """The real program, run to its end."""
        started = self.start(*arguments, **options)
        out, err = started.communicate(timeout=300)
        return Said(started.returncode, out, err)

    def sync(self, *arguments: str, after: float = 60) -> Said:
        """One pass, `after` seconds from now."""
        self.wait(after)
        return self.run("sync", *arguments)

    def wait(self, seconds: float) -> None:
        if isinstance(self.clock, VirtualClock):
            self.clock.advance(timedelta(seconds=seconds))

    def settle(self, *, code: int = 0, passes: int = 6) -> Said:
        """Passes until one writes nothing."""
        for _ in range(passes):
            before = self.writes
            said = self.sync(after=180)
            assert said.code == code, said.all
            if self.writes == before:
                return said
        raise AssertionError(f"still writing after {passes} passes: {said.all}")

    def change(self, table: str, key: str, value: Any) -> None:
        """Another value in the configuration file."""
        self.config.write_text(self.world.configuration(self.config.read_text(), [(table, key, value)]))

    def rewrite(self, old: str, new: str) -> None:
        """Replace text in the configuration file."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new, 1))

    # What people do, and see.

    def incident(self, **values: Any) -> Row:
        row = {"short_description": "The printer is broken", "category": "hardware", "impact": "3", **values}
        return self.world.servicenow.create(ABEL, row)

    def issue(self, **values: Any) -> Ticket:
        return self.world.jira.create(
            BETH, "OPS", "Incident", {"summary": "The mail is slow", "priority": "High", **values}
        )

    def paired(self, **values: Any) -> tuple[Row, Ticket]:
        """An incident with its mirror, in step."""
        row = self.incident(**values)
        assert self.sync("--initial").code == 0
        self.settle()
        self.wait(60)
        return row, self.mirror(row)

    def desk(self, row: Row, **values: Any) -> Row:
        """The service desk edits an incident."""
        return self.world.servicenow.update(ABEL, row["sys_id"], values)

    def engineer(self, ticket: Ticket, **values: Any) -> Ticket:
        """An engineer edits an issue."""
        return self.world.jira.update(BETH, ticket.id, values)

    def move(self, ticket: Ticket, status: str, **values: Any) -> Ticket:
        """An engineer takes a transition."""
        return self.world.jira.transition(BETH, ticket.id, status, values)

    def row(self, row: Row) -> Row:
        return self.world.servicenow.get(row["sys_id"])

    def ticket(self, ticket: Ticket) -> Ticket:
        return self.world.jira.get(ticket.id)

    def mirror(self, row: Row) -> Ticket:
        """The one issue that carries the incident's marker."""
        found = self.mirrors(row)
        assert len(found) == 1, found
        return found[0]

    def mirrors(self, row: Row) -> list[Ticket]:
        return [t for t in self.world.jira.issues()
                if str(t.values.get("customfield_10042") or "").endswith(row["sys_id"])]  # fmt: skip

    def incident_of(self, ticket: Ticket) -> Row:
        """The one incident that carries the issue's marker."""
        found = [
            row for row in self.world.servicenow.rows() if row["correlation_id"].endswith(f":{ticket.id}")
        ]
        assert len(found) == 1, found
        return found[0]

    def report(self) -> Report:
        """Both sides compared over HTTP, apart from the program."""
        with self.in_peace():
            return self.world.compare(Maps.read(self.config.read_text()))

    @contextlib.contextmanager
    def in_peace(self) -> Iterator[None]:
        """Without faults for as long as the block runs."""
        kept = [(faults, list(faults)) for faults in (self.world.servicenow.faults, self.world.jira.faults)]
        for faults, _ in kept:
            faults.clear()
        yield
        for faults, before in kept:
            faults.extend(before)

    def sides(self) -> str:
        """Everything on both sides, to be compared with what it was."""
        return repr((self.world.servicenow.rows(), self.world.jira.issues()))

    def store(self) -> Store:
        """The state, as the program left it."""
        return open_store(f"sqlite:///{self.state}", create=False)

    @property
    def writes(self) -> int:
        """Requests so far that write."""
        return sum(count for (_, name), count in self.world.requests.operations.items() if is_write(name))

    def fault(
        self, side: str, answer: Callable[[Request], Response | None], times: int | None = None
    ) -> Fault:
        """Put trouble in the way of requests to a side."""
        fault = Fault("trouble", before=answer, times=times)
        system = self.world.servicenow if side == "servicenow" else self.world.jira
        system.faults.append(fault)
        return fault

    def calm(self) -> None:
        """No faults any more."""
        self.world.servicenow.faults.clear()
        self.world.jira.faults.clear()


def is_write(operation: str) -> bool:
    """Whether a request by this name writes."""
    method, _, path = operation.partition(" ")
    return method in WRITES or (method == "POST" and not any(word in path for word in READS_BY_POST))


def writes_of(request: Request) -> bool:
    """Whether a request writes."""
    return is_write(f"{request.method} {request.path}")


def page(status: int, text: str, **headers: str) -> Response:
    """An answer in HTML."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, text.encode(), (("content-type", "text/html;charset=UTF-8"), *named))


def data(status: int, body: Mapping[str, Any], **headers: str) -> Response:
    """An answer in JSON."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, json.dumps(body).encode(), (("content-type", "application/json"), *named))


def opened(
    folder: Path, template: str, *, real: bool = False, lag: tuple[timedelta, timedelta] = AT_ONCE
) -> Site:
    """A served site; stop its world when done."""
    clock: Clock = RealClock() if real else VirtualClock(MONDAY)
    return Site(folder, template, clock, World(clock, index_lag=lag).start())


def clash(site: Site) -> tuple[Row, Ticket]:
    """A pair whose summary both sides changed, under a rule that leaves it to people."""
    site.rewrite('clash = "newest"\ntie = "servicenow"\nfirst = "hold"', 'clash = "hold"')
    row, ticket = site.paired()
    site.desk(row, short_description="The desk's words", description="Carried over all the same")
    site.engineer(ticket, summary="The engineer's words")
    said = site.sync()
    assert said.code == 3
    assert "1 open conflict (tieline conflicts list)" in said.err
    return row, ticket

"""`tieline run`: pass after pass in the foreground, until a signal ends it."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.sync.commands.options import Pause, config_option, json_option
from tieline.sync.commands.session import (
    EXIT_FAILED,
    EXIT_PERSON,
    Adapters,
    new_pass_id,
    open_session,
    utc_now,
)

if TYPE_CHECKING:
    from tieline.sync.model import PassSummary


@dataclass
class Turn:
    """What came of one pass: its summary, or the failure in words; `skipped` where another one ran."""

    summary: PassSummary | None = None
    failure: str = ""
    skipped: bool = False
    people: int = 0
    requests: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the next pass keeps the usual pace."""
        return not self.failure


@click.command()
@click.option("--every", type=Pause(), default="60s", show_default=True, metavar="DURATION",
              help="From the start of one pass to the next; jitter of a tenth is added.")  # fmt: skip
@click.option("--max-passes", type=click.IntRange(min=1), metavar="N", help="End after N passes.")
@click.option("--initial", is_flag=True, help="Allow the first mirroring of a route, in the first pass.")
@config_option
@json_option
@click.pass_context
def run(
    context: click.Context,
    every: timedelta,
    max_passes: int | None,
    initial: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """Run pass after pass, in the foreground, until Ctrl-C or SIGTERM.

    A signal lets the wave in work finish, then ends; a second one ends at once, and nothing is lost by that
    either. After a failure the pauses grow up to 15 minutes. The configuration and the secrets are read again
    for each pass. While another process runs a pass on the same state, this one waits its turn. With --json
    one object a line and pass. Exits as the last pass would have; 0 after a signal.

    \b
    tieline run --every 60s
    tieline --log-format json --log-level info run --every 5m
    """
    from tieline.sync.config import load_config
    from tieline.sync.schedule import Pace

    load_config(config_path)  # a fault in it is told at once, not after a pause
    chance = random.Random()
    pace, done, last = Pace(every), 0, Turn()
    with until_told() as ended:
        while not ended.is_set():
            began = time.monotonic()
            last = _turn(context.obj, config_path, ended, initial=initial and done == 0)
            _tell(last, as_json)
            pace, done = pace.after(last.ok), done + 1
            if max_passes is not None and done >= max_passes:
                break
            pause = pace.pause(chance.random()).total_seconds() - (time.monotonic() - began)
            ended.wait(max(0.0, pause))
        told = ended.is_set()
    if not told and last.failure:
        context.exit(EXIT_FAILED)
    if not told and last.people:
        context.exit(EXIT_PERSON)


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; the second one interrupts."""
    ended = threading.Event()

    def note(number: int, _frame: object) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        ended.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _turn(adapters: Adapters, config_path: Path, ended: threading.Event, *, initial: bool) -> Turn:
    from tieline.connectors.errors import TielineError
    from tieline.sync.config import load_config
    from tieline.sync.engine import run_pass
    from tieline.sync.lanes import WAVES_AT_ONCE, Lanes
    from tieline.sync.lock import Busy, Holder, one_pass
    from tieline.sync.run import PassOptions

    started = utc_now()
    try:
        with (
            one_pass(load_config(config_path).state_url, Holder.here(started)),
            open_session(adapters, config_path, create=True) as session,
        ):
            summary = run_pass(
                session.config,
                session.store,
                session.sides,
                clock=utc_now,
                id_=new_pass_id(started),
                options=PassOptions(initial=initial),
                stop=ended.is_set,
                lanes=Lanes(WAVES_AT_ONCE),
            )
            with session.store.read() as tx:
                people = tx.open_conflict_count() + tx.park_count()
            return Turn(summary, people=people, requests=session.requests())
    except Busy:
        return Turn(skipped=True)
    except TielineError as error:
        return Turn(failure=str(error))


def _tell(turn: Turn, as_json: bool) -> None:
    from tieline.sync.explain import pass_json, summary_line

    if as_json:
        figures = {} if turn.summary is None else pass_json(turn.summary)
        said = {**figures, "error": turn.failure, "skipped": turn.skipped, "people": turn.people}
        click.echo(json.dumps({**said, "requests": turn.requests}))
    elif turn.summary is not None:
        needs = f"; {turn.people} wait for a person" if turn.people else ""
        click.echo(summary_line(turn.summary, turn.requests) + needs)
    elif turn.skipped:
        click.echo("another pass is running on this state: skipped", err=True)
    else:
        click.echo(turn.failure, err=True)

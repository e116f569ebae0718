"""What commands open before they work: configuration, state, both sides; and how they show progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tieline.connectors.base import Connector, FieldKind, Side
    from tieline.connectors.metadata import Inspector
    from tieline.sync.config import Config
    from tieline.sync.config.sides import Jira, ServiceNow
    from tieline.sync.store import Store

EXIT_FAILED = 1
EXIT_PERSON = 3


class Adapters(Protocol):
    """What the composition root hands to commands."""

    def connect(
        self,
        config: Config,
        clock: Any = None,
        meters: dict[Side, Any] | None = None,
        also: Mapping[Side, Mapping[str, FieldKind]] | None = None,
    ) -> AbstractContextManager[dict[Side, Connector]]:
        """Both sides of a configuration; `meters` is filled with what counts each side's requests.

        `also` names fields that are read beyond the mirrored ones.
        """

    def inspect(
        self, servicenow: ServiceNow, jira: Jira, folder: Path, timeout_s: float = 60.0
    ) -> AbstractContextManager[dict[Side, Inspector]]:
        """What reads both sides' metadata; relative secret files lie in `folder`."""

    def jira_deployment(self, url: str) -> str:
        """Which Jira answers there: "cloud", "datacenter", "" if it does not tell."""

    def theatre(
        self, template: str, log: Path | None, *, seed: int, incidents: int | None, related: bool = False
    ) -> Any:
        """What the demo plays, as `tieline.sync.commands.demo_stage` describes it."""

    def playground(self, **settings: Any) -> Any:
        """Both stand-ins to try things on, as `tieline.sync.commands.sandbox` describes it."""


@dataclass(frozen=True)
class Session:
    """An open configuration, state and both sides."""

    config: Config
    store: Store
    sides: Mapping[Side, Connector]
    meters: dict[Side, Any] = field(default_factory=dict)

    def requests(self) -> dict[str, int]:
        """How many requests each side has been sent so far."""
        return {side: meter.usage().requests for side, meter in self.meters.items()}


@contextmanager
def open_state(config_path: Path, *, create: bool = False) -> Iterator[tuple[Config, Store]]:
    """The configuration and its state, without reaching for either side."""
    from tieline.sync.config import load_config
    from tieline.sync.store import open_store

    config = load_config(config_path)
    with open_store(config.state_url, create=create) as store:
        yield config, store


@contextmanager
def open_state_or_none(config_path: Path) -> Iterator[tuple[Config, Store]]:
    """The same for a command that only looks: where there is no state yet, an empty one in memory."""
    from tieline.sync.config import load_config
    from tieline.sync.store import open_store
    from tieline.sync.store.place import locate

    config = load_config(config_path)
    place = locate(config.state_url)
    missing = place.path is not None and not place.path.exists()
    with open_store("sqlite://" if missing else config.state_url, create=missing) as store:
        yield config, store


@contextmanager
def open_session(
    adapters: Adapters,
    config_path: Path,
    *,
    create: bool = False,
    look: bool = False,
    clock: Any = None,
    also: Mapping[Side, Mapping[str, FieldKind]] | None = None,
) -> Iterator[Session]:
    """The configuration, its state and both sides, on the machine's clock or another.

    With `look`, nothing is written, and there need be no state.
    """
    state = open_state_or_none(config_path) if look else open_state(config_path, create=create)
    with state as (config, store):
        meters: dict[Side, Any] = {}
        with adapters.connect(config, clock, meters, also) as sides:
            yield Session(config, store, sides, meters)


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def new_pass_id(now: datetime) -> str:
    """An id that sorts by time and that a person can read out: `20260105-080000-3f2a`."""
    import secrets

    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago something was, roughly, for people."""
    if moment is None:
        return "never"
    return f"{lasted(int((now - moment).total_seconds()))} ago"


def lasted(seconds: int) -> str:
    """A length of time, roughly, for people."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{max(seconds, 0)} s"


@contextmanager
def progress_bar(show: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Progress on a terminal, with an estimate of what is left; silence elsewhere."""
    import sys

    if not show or not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}")
    console = Console(stderr=True)
    # Redirected, what is printed meanwhile would go to standard error, also where a pipe or file wants it.
    together = sys.stdout.isatty()
    with Progress(*columns, console=console, transient=True, redirect_stdout=together) as bar:
        tasks: dict[str, Any] = {}
        began: dict[str, float] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                began[what] = time.monotonic()
                tasks[what] = bar.add_task(what, total=total or None, shown="")
            shown = how_far(done, total, time.monotonic() - began[what])
            bar.update(tasks[what], completed=done, total=total or None, shown=shown)

        yield told


def how_far(done: int, total: int, elapsed_s: float) -> str:
    """How much is done and, where the whole is known, how long the rest takes at the pace so far."""
    if not total:
        return f"{done}"
    if not 0 < done < total or elapsed_s < 1:
        return f"{done} of {total}"
    left = round(elapsed_s * (total - done) / done)
    spoken = f"{left} s" if left < 100 else f"{-(-left // 60)} min" if left < 7200 else f"{left / 3600:.1f} h"
    return f"{done} of {total}, about {spoken} left"

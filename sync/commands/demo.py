"""`tieline demo`: two stand-in systems, people at work on both, passes in between, and a check at the end."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.demo_told import Teller
from tieline.sync.commands.options import json_option
from tieline.sync.commands.session import EXIT_FAILED, Adapters, Session, open_session, progress_bar

if TYPE_CHECKING:
    from tieline.sync.commands.demo_stage import Report, Theatre
    from tieline.sync.model import PassSummary

QUIET = timedelta(hours=1)
"""How long nobody does anything before the last pass, which must then write nothing."""


@dataclass
class Tally:
    """What the demo saw: passes and their counts, checkpoints, and how it went."""

    started: float = field(default_factory=time.monotonic)
    passes: int = 0
    changes: int = 0
    deeds: int = 0
    checkpoints: int = 0
    differing: int = 0
    last: Report | None = None
    further_writes: int = 0

    def add(self, summary: PassSummary) -> None:
        """Count one pass."""
        self.passes += 1
        self.changes += summary.counts.get("created", 0) + summary.counts.get("changed", 0)

    @property
    def ok(self) -> bool:
        """Whether both sides were in step at every checkpoint, and the further pass wrote nothing."""
        return self.last is not None and self.last.ok and not self.differing and not self.further_writes


@click.command()
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Replay this ServiceNow incident event log (CSV, plain or gzip) instead of the scripted days.",
)
@click.option(
    "--incidents",
    type=click.IntRange(min=4),
    metavar="N",
    help="How many incidents.  [default: 40, or all of the log]",
)
@click.option(
    "--related", is_flag=True, help="Of the log only incidents that were tied to a problem or a change."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed is another story.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the configuration, the state and the report in this directory.",
)
@json_option
@click.pass_context
def demo(
    context: click.Context,
    log: Path | None,
    incidents: int | None,
    related: bool,
    seed: int,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Show Tieline at work on this machine: nothing leaves it, and no account is needed.

    Starts stand-ins of both systems, lets people work on both sides between passes, and ends with a check
    that reads both sides over HTTP, apart from Tieline's state. Exits 1 if they differ.

    \b
    tieline demo
    tieline demo --log incident_event_log.csv.gz --incidents 500
    """
    adapters: Adapters = context.obj
    if related and log is None:
        raise click.UsageError("--related chooses incidents of a log: add --log FILE")
    stage: Theatre = adapters.theatre(
        example_configuration(), log, seed=seed, incidents=incidents, related=related
    )
    tally = Tally()
    with _folder(keep) as folder, stage:
        config_path = folder / "config.toml"
        config_path.write_text(stage.configuration, encoding="utf-8")
        with _variables(stage.environment()), _opened(adapters, config_path, stage) as session:
            told = Teller(quiet=as_json, brief=log is not None)
            told.opening(stage, seed)
            with progress_bar(log is not None and not as_json) as progress:
                _play(stage, session, tally, told, progress)
            told.tickets(session, stage)
            found = _figures(stage, session, tally)
        if keep is not None:
            (folder / "report.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
    click.echo(json.dumps(found, indent=2)) if as_json else told.closing(found, keep)
    if not tally.ok:
        context.exit(EXIT_FAILED)


def _play(stage: Theatre, session: Session, tally: Tally, told: Teller, progress: Any) -> None:
    for number, act in enumerate(stage.acts(), 1):
        told.act(act)
        tally.deeds += len(act.deeds)
        summary = _pass(stage, session, tally)
        progress(f"{act.title}: {tally.deeds} edits by people", number, 0)
        told.passed(summary)
        if act.checkpoint:
            tally.last = stage.compare()
            tally.checkpoints += 1
            tally.differing += not tally.last.ok
            told.checkpoint(act, tally.last)
    stage.advance(QUIET)
    summary = _pass(stage, session, tally)
    tally.further_writes = summary.counts.get("writes", 0)
    tally.last = stage.compare()


def _pass(stage: Theatre, session: Session, tally: Tally) -> PassSummary:
    from tieline.sync.engine import run_pass
    from tieline.sync.run import PassOptions

    summary = run_pass(
        session.config,
        session.store,
        session.sides,
        clock=stage.now,
        id_=f"demo-{tally.passes + 1}",
        options=PassOptions(initial=True),
    )
    tally.add(summary)
    return summary


def _figures(stage: Theatre, session: Session, tally: Tally) -> dict[str, Any]:
    report = tally.last
    assert report is not None
    requests = sum(session.requests().values())
    with session.store.read() as tx:
        conflicts, held, parked = (
            tx.conflicts(open_only=False, limit=10**6),
            tx.open_conflict_count(),
            tx.park_count(),
        )
    return {
        "ok": tally.ok,
        "pairs": report.pairs,
        "fields_compared": report.fields,
        "differences": [str(difference) for difference in report.differences],
        "duplicates": list(report.duplicates),
        "missing": list(report.missing),
        "relations_compared": report.relations,
        "misrelated": list(report.misrelated),
        "checkpoints": tally.checkpoints,
        "checkpoints_with_differences": tally.differing,
        "passes": tally.passes,
        "further_pass_writes": tally.further_writes,
        "edits_by_people": tally.deeds,
        "changes": tally.changes,
        "requests": requests,
        "requests_per_change": round(requests / tally.changes, 2) if tally.changes else None,
        "conflicts": len(conflicts),
        "conflicts_open": held,
        "parked": parked,
        "refused": {reason: list(places) for reason, places in stage.refused().items()},
        "seconds": round(time.monotonic() - tally.started, 1),
        "peak_memory_mb": _peak_memory_mb(),
    }


def _peak_memory_mb() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    import sys

    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def example_configuration() -> str:
    """The example configuration as it was installed, or as it lies in the checkout."""
    import tieline

    return (Path(str(tieline.__file__)).parent / "config.example.toml").read_text(encoding="utf-8")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise ConfigError(f"{keep} is not empty: name a directory for this run alone")
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="tieline-demo-") as folder:
        yield Path(folder)


@contextmanager
def _variables(found: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for as long as the block runs."""
    before = {name: os.environ.get(name) for name in found}
    os.environ.update(found)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def _opened(adapters: Adapters, config_path: Path, stage: Theatre) -> AbstractContextManager[Session]:
    return open_session(adapters, config_path, create=True, clock=stage.now)

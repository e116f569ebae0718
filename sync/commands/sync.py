"""`tieline sync`: one pass."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import (
    EXIT_PERSON,
    Adapters,
    new_pass_id,
    open_session,
    progress_bar,
    utc_now,
)


@click.command()
@config_option
@click.option(
    "--initial", is_flag=True, help="Allow the first mirroring of a route, and any number of records."
)
@click.option(
    "--only", metavar="REF", multiple=True, help="Only this incident number or issue key; repeatable."
)
@click.option(
    "--max-changes", type=click.IntRange(min=1), metavar="N", help="Stop after N writes; the rest waits."
)
@click.option("--accept", is_flag=True, help="Take a changed mapping on, with what that rewrites.")
@json_option
@click.pass_context
def sync(
    context: click.Context,
    config_path: Path,
    initial: bool,
    only: tuple[str, ...],
    max_changes: int | None,
    accept: bool,
    as_json: bool,
) -> None:
    """Run one pass: find what changed on either side, and bring the other in step.

    \b
    tieline sync --initial          the first one
    tieline sync                    every further one, from cron or a timer
    tieline sync --only INC0010023  one incident, now
    tieline sync --accept           after a change of the mapping that `tieline plan --all` has shown
    """
    from tieline.sync.config import load_config
    from tieline.sync.engine import run_pass
    from tieline.sync.explain import pass_json, summary_line
    from tieline.sync.lanes import WAVES_AT_ONCE, Lanes
    from tieline.sync.lock import Holder, one_pass
    from tieline.sync.run import PassOptions

    adapters: Adapters = context.obj
    started = utc_now()
    with (
        one_pass(load_config(config_path).state_url, Holder.here(started)),
        open_session(adapters, config_path, create=True) as session,
        progress_bar(not as_json) as progress,
    ):
        summary = run_pass(
            session.config,
            session.store,
            session.sides,
            clock=utc_now,
            id_=new_pass_id(started),
            options=PassOptions(initial, only, max_changes, accept),
            progress=progress,
            lanes=Lanes(WAVES_AT_ONCE),
        )
        with session.store.read() as tx:
            people = {"conflicts_open": tx.open_conflict_count(), "parked_now": tx.park_count()}
        requests = session.requests()
    if as_json:
        click.echo(json.dumps({**pass_json(summary), **people, "requests": requests}, indent=2))
    else:
        click.echo(summary_line(summary, requests))
        _point_out(**people)
    if any(people.values()):
        context.exit(EXIT_PERSON)


def _point_out(conflicts_open: int, parked_now: int) -> None:
    from tieline.sync.words import counted

    if conflicts_open:
        click.echo(
            f"Needs a person: {counted(conflicts_open, 'open conflict')} (tieline conflicts list)", err=True
        )
    if parked_now:
        click.echo(
            f"Needs a person: {counted(parked_now, 'parked incident')} (tieline parked list)", err=True
        )

"""`tieline rebuild`: a lost state from the markers alone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_PERSON, Adapters, open_session, progress_bar, utc_now

SHOWN = 20


@click.command()
@click.option("--dry-run", is_flag=True, help="Read and count only; keep nothing.")
@config_option
@json_option
@click.pass_context
def rebuild(context: click.Context, dry_run: bool, config_path: Path, as_json: bool) -> None:
    """Build a lost state anew: read what carries our markers on both sides, and pair it.

    Writes to the state only, and adds to one that is there. Where both sides agree, that is what was last
    dealt with; where they differ, the rule `first` decides in the next pass. Copies of a mirror are reported.
    Exits 3 if something needs a person.

    \b
    tieline rebuild
    tieline plan --initial    what the next pass would do
    tieline sync --initial
    """
    from tieline.sync.admission import check_owner
    from tieline.sync.config import load_config
    from tieline.sync.lock import Holder, one_pass
    from tieline.sync.rebuild import rebuild as build
    from tieline.sync.run import EVERYTHING, new_run

    adapters: Adapters = context.obj
    with (
        one_pass(load_config(config_path).state_url, Holder.here(utc_now())),
        open_session(adapters, config_path, create=True) as session,
        progress_bar(not as_json) as progress,
    ):
        with session.store.read() as tx:
            check_owner(session.config, tx)
        run = new_run(
            "", session.config, session.store, session.sides, utc_now, EVERYTHING, remember=not dry_run
        )
        found = build(run, progress, keep=not dry_run)
        requests = session.requests()
    lists = {"copies": found.copies, "origin_gone": found.lost, "other_routes": found.foreign}
    lists |= {"unreadable": found.unreadable}
    if as_json:
        said = {**found.counts, **lists, "kept": not dry_run, "requests": requests}
        click.echo(json.dumps(said, indent=2))
    else:
        counts = found.counts
        click.echo(
            f"{counts['read']} marked records read: {counts['paired']} paired, {counts['known']} known "
            f"already, {counts['fields that differ']} fields that differ, {sum(requests.values())} requests"
        )
        _tell("copies of a mirror, left alone", found.copies)
        _tell("mirrors whose origin is deleted or hidden", found.lost)
        _tell("of routes that are not configured, left out", found.foreign)
        _tell("records that cannot be read; no other mirror is made for theirs", found.unreadable)
        click.echo(
            "Nothing was kept" if dry_run else "Next: tieline plan --initial, then tieline sync --initial"
        )
    if found.copies or found.lost or found.unreadable:
        context.exit(EXIT_PERSON)


def _tell(what: str, labels: list[str]) -> None:
    if labels:
        more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
        click.echo(f"  {len(labels)} {what}: {', '.join(labels[:SHOWN])}{more}")

"""`tieline leave`: off-boarding, with a plan first."""

from __future__ import annotations

import json
from collections import Counter
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

SHOWN = 20


@click.command()
@click.option("--keep", is_flag=True, help="Leave markers and links where they are; only end the pairs.")
@click.option("--yes", is_flag=True, help="Do it; without, only show what would be done.")
@click.option("--limit", type=click.IntRange(min=0), default=SHOWN, show_default=True,
              help="How many incidents to show; all are counted.")  # fmt: skip
@config_option
@json_option
@click.pass_context
def leave(
    context: click.Context, keep: bool, yes: bool, limit: int, config_path: Path, as_json: bool
) -> None:
    """End the mirror: take markers and links off both systems (--keep leaves them), and end all pairs.

    Shows the plan first; --yes carries it out. No ticket is deleted or closed, and no other field is touched.
    Afterwards no pass runs on this state any more. Stopped half-way, it goes on where it was. With --keep a
    later `tieline rebuild` takes everything up again. With --json one object a line and incident.

    \b
    tieline leave                 what would be removed
    tieline leave --yes
    tieline leave --keep --yes    end the pairs, leave the tickets as they are
    """
    from tieline.sync.config import load_config
    from tieline.sync.errand import errand
    from tieline.sync.leaving import carry_out, note_left, plan_leave
    from tieline.sync.lock import Holder, one_pass

    adapters: Adapters = context.obj
    now, counts = utc_now(), Counter[str]()
    with (
        one_pass(load_config(config_path).state_url, Holder.here(now)),
        open_session(adapters, config_path) as session,
        progress_bar(not as_json) as progress,
    ):
        with session.store.read() as tx:
            total = tx.pair_count()
        with errand(
            session.config, session.store, session.sides, clock=utc_now, id_=new_pass_id(now), writes=yes
        ) as run:
            if yes:
                note_left(run)
            for wave in plan_leave(run, remove=not keep):
                for each in wave:
                    if counts["pairs"] < limit:
                        _tell(each, as_json)
                    counts.update(pairs=1, writes=len(each.steps), gone=each.gone)
                if yes:
                    counts.update(carry_out(run, wave))
                progress("leaving", counts["pairs"], total)
    _sum_up(counts, yes=yes, keep=keep, as_json=as_json)
    if counts["failed"]:
        context.exit(EXIT_PERSON)


def _tell(each: object, as_json: bool) -> None:
    from tieline.sync.leaving import Leaving

    assert isinstance(each, Leaving)
    if as_json:
        click.echo(json.dumps(each.json()))
        return
    click.secho(each.label, bold=True)
    for line in each.lines():
        click.echo(f"  {line}")


def _sum_up(counts: Counter[str], *, yes: bool, keep: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"summary": {**counts, "done": yes, "kept": keep}}))
        return
    if not yes:
        click.echo(f"{counts['pairs']} pairs would end, with {counts['writes']} writes; add --yes to do it")
        return
    click.echo(f"{counts['ended']} pairs ended, {counts['writes']} writes")
    if counts["failed"]:
        what = f"{counts['failed']} did not come through; run this again"
        click.echo(f"{what} (tieline parked list tells why)", err=True)
        return
    click.echo("Stop the schedule that runs Tieline, and withdraw its accounts and secrets.")
    click.echo("The state still holds what was written (tieline audit --export): delete it in the end.")

"""`tieline undo`: put back what a pass overwrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import (
    EXIT_PERSON,
    Adapters,
    Session,
    new_pass_id,
    open_session,
    progress_bar,
    utc_now,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieline.sync.undo import Extent, Undoing


@click.command()
@click.argument("pass_id", metavar="PASS")
@click.option("--yes", is_flag=True, help="Do it; without, only show what would be put back.")
@click.option(
    "--carry",
    is_flag=True,
    help="Carry the restored values over to the other side too, as if a person had set them.",
)
@config_option
@json_option
@click.pass_context
def undo(
    context: click.Context, pass_id: str, yes: bool, carry: bool, config_path: Path, as_json: bool
) -> None:
    """Put back what pass PASS overwrote, wherever nobody has touched the field since.

    Shows what would be written; --yes writes it, through the same journal as any pass. The other side keeps
    what it has, and the next pass leaves the difference alone until somebody changes either side. Mirrors
    that the pass made are never deleted; links and notes stay. With --json one object a line and incident.

    \b
    tieline undo 20260105-080000-3f2a          look
    tieline undo 20260105-080000-3f2a --yes    do it
    """
    from tieline.sync.config import load_config
    from tieline.sync.errand import errand
    from tieline.sync.lock import Holder, one_pass
    from tieline.sync.undo import carry_out, plan_undo

    adapters: Adapters = context.obj
    now = utc_now()
    with (
        one_pass(load_config(config_path).state_url, Holder.here(now)),
        open_session(adapters, config_path) as session,
        progress_bar(not as_json) as progress,
    ):
        found = _extent(session, pass_id)
        fields = left = done = 0
        with errand(
            session.config, session.store, session.sides, clock=utc_now, id_=new_pass_id(now), writes=yes
        ) as run:
            for wave in plan_undo(run, pass_id, list(found.pairs), carry=carry):
                if yes:
                    carry_out(run, wave)
                for undoing in wave:
                    _tell(undoing, as_json)
                    fields += len(undoing.steps)
                    left += len(undoing.left)
                done += len(wave)
                progress("looking at what the pass wrote", done, len(found.pairs))
            failed = run.counts["not_undone"]
    _sum_up(found, fields, left, failed, yes=yes, as_json=as_json, carry=carry)
    if failed or (yes and left):
        context.exit(EXIT_PERSON)


def _extent(session: Session, pass_id: str) -> Extent:
    from tieline.sync.undo import extent

    with session.store.read() as tx:
        found = extent(tx, pass_id)
    if not (found.pairs or found.made or found.others):
        raise ConfigError(f"the audit knows no write of a pass {pass_id!r}: `tieline status` lists the last")
    return found


def _tell(undoing: Undoing, as_json: bool) -> None:
    if not undoing.steps and not undoing.left:
        return
    if as_json:
        click.echo(json.dumps(undoing.json()))
        return
    click.secho(undoing.label, bold=True)
    click.echo("\n".join(f"  {line}" for line in undoing.lines()))


def _sum_up(
    found: Extent, steps: int, left: int, failed: int, *, yes: bool, as_json: bool, carry: bool
) -> None:
    if as_json:
        summary = {"steps": steps, "left": left, "failed": failed, "made": found.made, "others": found.others}
        click.echo(json.dumps({"summary": {**summary, "done": yes}}))
        return
    say: Callable[[str], None] = click.echo
    for made in found.made:
        say(f"not undone: {made}. Nothing is deleted; close it by hand, or `tieline unlink` it")
    if found.others:
        say(f"not undone: {found.others} links and notes")
    if not yes:
        say(f"{steps} writes would put back what stood there" + ("; add --yes" if steps else ""))
        return
    say(f"{steps} writes to put back what stood there")
    if failed:
        say(f"{failed} incidents did not come through: tieline parked list, or run this again")
    if steps and carry:
        say("The next pass carries it over to the other side: tieline sync")
    elif steps:
        say("The other side keeps what it has until somebody changes either (tieline verify: undone)")

"""`tieline plan`: what a pass would do, and why."""

from __future__ import annotations

import json
from pathlib import Path

import click
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_PERSON, Adapters, open_session, utc_now


@click.command()
@config_option
@click.option("--initial", is_flag=True, help="Accepted for symmetry with `sync`: a plan has no limits.")
@click.option(
    "--only", metavar="REF", multiple=True, help="Only this incident number or issue key; repeatable."
)
@click.option("--check", is_flag=True, help="Exit with 3 if there is something to do.")
@json_option
@click.pass_context
def plan(
    context: click.Context,
    config_path: Path,
    initial: bool,
    only: tuple[str, ...],
    check: bool,
    as_json: bool,
) -> None:
    """Show what a pass would do, and why. Nothing is written: not on either side, not in the state.

    With --json, one object a line and incident.
    """
    from tieline.sync.explain import plan_json, plan_lines
    from tieline.sync.preview import preview
    from tieline.sync.run import PassOptions, new_run

    adapters: Adapters = context.obj
    found = 0
    with open_session(adapters, config_path, create=True) as session:
        options = PassOptions(initial=initial, only=only)
        run = new_run("", session.config, session.store, session.sides, utc_now, options, remember=False)
        for proposal in preview(run):
            if proposal.empty:
                continue
            found += 1
            if as_json:
                click.echo(json.dumps(plan_json(proposal.label, proposal.plan, proposal.note)))
                continue
            click.secho(proposal.label, bold=True)
            lines = [*plan_lines(proposal.plan), *([proposal.note] if proposal.note else [])]
            click.echo("\n".join(f"  {line}" for line in lines))
    if not as_json:
        click.echo(
            f"{found} incidents to work on; nothing was written" if found else "In step: nothing to do"
        )
    if check and found:
        context.exit(EXIT_PERSON)

"""`tieline plan`: what a pass would do, and why."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_PERSON, Adapters, Session, open_session, progress_bar, utc_now

if TYPE_CHECKING:
    from tieline.sync.preview import Proposal


@click.command()
@config_option
@click.option("--initial", is_flag=True, help="Accepted for symmetry with `sync`: a plan has no limits.")
@click.option(
    "--only", metavar="REF", multiple=True, help="Only this incident number or issue key; repeatable."
)
@click.option(
    "--all", "everything", is_flag=True, help="Look at every pair too: what a changed mapping would rewrite."
)
@click.option("--check", is_flag=True, help="Exit with 3 if there is something to do.")
@json_option
@click.pass_context
def plan(
    context: click.Context,
    config_path: Path,
    initial: bool,
    only: tuple[str, ...],
    everything: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Show what a pass would do, and why. Nothing is written: not on either side, not in the state.

    With --json, one object a line and incident.

    \b
    tieline plan                    everything that a pass would do now
    tieline plan --only INC0010023  one incident
    tieline plan --all              every pair, after the mapping was changed
    tieline plan --check            for a script: 3 if there is something to do
    """
    from tieline.sync.preview import all_pairs, proposals, waiting
    from tieline.sync.run import PassOptions, new_run

    adapters: Adapters = context.obj
    found: Counter[str] = Counter()
    with open_session(adapters, config_path, look=True) as session:
        options = PassOptions(initial=initial, only=only)
        run = new_run("", session.config, session.store, session.sides, utc_now, options, remember=False)
        _tell_mapping(session)
        with progress_bar(not as_json) as progress:
            refs = waiting(run, progress)
            pages = chain([refs], all_pairs(run, progress) if everything else ())
            told: set[int] = set()
            for proposal in (each for page in pages for each in proposals(run, page)):
                known = proposal.pair.id if proposal.pair is not None else None
                if not proposal.empty and known not in told:
                    told |= {known} if known is not None else set()
                    found["rests" if proposal.rests else "works"] += 1
                    _tell(proposal, as_json)
    if not as_json:
        _sum_up(found["works"], found["rests"])
    if check and found["works"]:
        context.exit(EXIT_PERSON)


def _tell_mapping(session: Session) -> None:
    """Say how the mapping differs from the one of the last pass: `sync` wants `--accept` for some changes."""
    from tieline.sync.admission import mapping_changes

    with session.store.read() as tx:
        changes = mapping_changes(session.config, tx)
    if changes:
        click.echo("The mapping changed since the last pass:", err=True)
    for change in changes:
        wants = " (wants `tieline sync --accept`)" if change.grave else ""
        click.echo(f"  {change}{wants}", err=True)


def _tell(proposal: Proposal, as_json: bool) -> None:
    from tieline.sync.explain import plan_json, plan_lines

    if as_json:
        said = {**plan_json(proposal.label, proposal.plan, proposal.note), "rests": proposal.rests}
        click.echo(json.dumps(said))
        return
    click.secho(proposal.label, bold=True)
    lines = [*plan_lines(proposal.plan, proposal.names), *([proposal.note] if proposal.note else [])]
    click.echo("\n".join(f"  {line}" for line in lines))


def _sum_up(works: int, rests: int) -> None:
    from tieline.sync.words import counted

    if rests:
        click.echo(f"{counted(rests, 'incident')} that a pass leaves alone for now (tieline parked list)")
    click.echo(
        f"{counted(works, 'incident')} to work on; nothing was written" if works else "In step: nothing to do"
    )

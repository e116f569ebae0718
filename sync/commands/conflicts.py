"""`tieline conflicts`: what both sides changed apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import open_state, utc_now

if TYPE_CHECKING:
    from tieline.connectors.base import Side, Values
    from tieline.sync.model import Conflict, Pair


@click.group()
def conflicts() -> None:
    """What both sides changed apart: list, show, resolve.

    \b
    tieline conflicts list
    tieline conflicts resolve 12 --take jira
    """


@conflicts.command("list")
@config_option
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@json_option
def list_(config_path: Path, everything: bool, limit: int, as_json: bool) -> None:
    """List the conflicts that need a person, newest first.

    \b
    tieline conflicts list        those that are open
    tieline conflicts list --all  also those that were decided, and how
    """
    from tieline.sync.explain import conflict_json

    with open_state(config_path) as (_, store), store.read() as tx:
        found = tx.conflicts(open_only=not everything, limit=limit)
        pairs = tx.pairs({conflict.pair for conflict in found})
    if as_json:
        click.echo(json.dumps([conflict_json(conflict) for conflict in found], indent=2))
        return
    for conflict in found:
        click.echo(_line(conflict, pairs))
    if not found:
        click.echo("No conflicts" if everything else "No open conflicts")


@conflicts.command()
@click.argument("number", type=int)
@config_option
@json_option
def show(number: int, config_path: Path, as_json: bool) -> None:
    """Show conflict NUMBER with both values.

    \b
    tieline conflicts show 7
    """
    from tieline.sync.explain import conflict_json

    conflict, pair = _one(config_path, number)
    if as_json:
        click.echo(json.dumps(conflict_json(conflict), indent=2))
        return
    click.echo(_line(conflict, {} if pair is None else {pair.id: pair}))
    click.echo(f"  why         {conflict.reason}")
    click.echo(f"  servicenow  {_values(conflict.servicenow)}")
    click.echo(f"  jira        {_values(conflict.jira)}")
    click.echo(f"  since       {conflict.at:%Y-%m-%d %H:%M:%S} UTC")
    if conflict.open:
        click.echo(f"  decide      tieline conflicts resolve {number} --take servicenow|jira")


@conflicts.command()
@click.argument("number", type=int)
@click.option(
    "--take", type=click.Choice(["servicenow", "jira"]), required=True, help="The side whose value stands."
)
@config_option
@json_option
def resolve(number: int, take: Side, config_path: Path, as_json: bool) -> None:
    """Decide conflict NUMBER: the next pass carries it out.

    \b
    tieline conflicts resolve 7 --take servicenow
    """
    from tieline.sync.explain import conflict_json
    from tieline.sync.model import Arrival
    from tieline.sync.parking import BY_PERSON

    with open_state(config_path) as (_, store), store.transaction() as tx:
        conflict = tx.conflict(number)
        if conflict is None or not conflict.open:
            raise ConfigError(f"There is no open conflict {number}: see `tieline conflicts list`")
        decided = replace(conflict, choice=take)
        tx.save_conflict(decided)
        pair = tx.pairs([conflict.pair]).get(conflict.pair)
        if pair is not None:
            tx.arrive([Arrival(pair.servicenow, BY_PERSON)], utc_now())
    if as_json:
        click.echo(json.dumps(conflict_json(decided), indent=2))
    else:
        click.echo(f"Conflict {number}: {take} stands. The next pass carries it out: tieline sync")
        if decided.kind == "unmapped":
            click.echo(
                "A value without a partner waits until the map has a line for it, or the other side is taken"
            )


def _one(config_path: Path, number: int) -> tuple[Conflict, Pair | None]:
    with open_state(config_path) as (_, store), store.read() as tx:
        conflict = tx.conflict(number)
        if conflict is None:
            raise ConfigError(f"There is no conflict {number}: see `tieline conflicts list --all`")
        return conflict, tx.pairs([conflict.pair]).get(conflict.pair)


def _line(conflict: Conflict, pairs: Mapping[int, Pair]) -> str:
    pair = pairs.get(conflict.pair)
    name = f"{pair.number} = {pair.key}" if pair is not None else f"pair {conflict.pair}"
    if conflict.open:
        state = f"open, {conflict.choice} chosen" if conflict.choice else "open"
    else:
        state = f"{conflict.winner} won" if conflict.winner else "closed"
    return f"{conflict.id:>5}  {name}  {conflict.unit}  {conflict.kind}, {state}"


def _values(values: Values) -> str:
    from tieline.sync.explain import shown

    return ", ".join(f"{name} {shown(value)}" for name, value in sorted(values.items())) or "value unknown"

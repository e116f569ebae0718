"""`tieline parked`: what Tieline leaves alone, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import ago, open_state, utc_now

if TYPE_CHECKING:
    from tieline.sync.model import Pair, Park
    from tieline.sync.store.store import Tx

LAST = 5
"""Writes that `parked show` lists."""


@click.group()
def parked() -> None:
    """What Tieline leaves alone, and why: list, show, retry, drop.

    \b
    tieline parked list
    tieline parked retry INC0010023
    """


@parked.command("list")
@config_option
@json_option
def list_(config_path: Path, as_json: bool) -> None:
    """List what is parked, with the reason and when it is tried again.

    It is tried again after growing pauses, when one of its mirrored values moves, when the configuration
    changes, and when you say so.

    \b
    tieline parked list
    tieline parked retry INC0010023
    """
    from tieline.sync.explain import park_json

    with open_state(config_path) as (_, store), store.read() as tx:
        found = tx.all_parks()
        names = {park.key: _name(tx, park) for park in found}
    if as_json:
        rows = [{**park_json(park), "incident": names[park.key]} for park in found]
        click.echo(json.dumps(rows, indent=2))
        return
    now = utc_now()
    for park in found:
        again = "when it changes" if park.retry_at is None else f"{park.retry_at:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{names[park.key]}  {park.reason}, {ago(park.since, now)}, next try {again}")
        click.echo(f"    {park.detail}")
    if not found:
        click.echo("Nothing is parked")


@parked.command()
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything that is parked.")
@config_option
@json_option
def retry(refs: tuple[str, ...], everything: bool, config_path: Path, as_json: bool) -> None:
    """Let the next pass try REF (a number, a key, or the name that `parked list` shows) again.

    \b
    tieline parked retry INC0010023 OPS-17
    tieline parked retry --all
    """
    from tieline.sync.model import Arrival
    from tieline.sync.parking import BY_PERSON, arrival_ref
    from tieline.sync.words import counted

    if not refs and not everything:
        raise click.UsageError("name what to try again, or give --all")
    with open_state(config_path) as (_, store), store.transaction() as tx:
        names = {park.key: _name(tx, park) for park in tx.all_parks()}
        chosen = [key for key, name in names.items() if everything or set(refs) & {key, *name.split(" = ")}]
        if (
            missing := set(refs)
            - {part for name in names.values() for part in name.split(" = ")}
            - set(names)
        ):
            raise ConfigError(f"not parked: {', '.join(sorted(missing))}; see `tieline parked list`")
        ids = [int(key[2:]) for key in chosen if key.startswith("p:")]
        pairs = tx.pairs(ids)
        wanted = [pair.servicenow for pair in pairs.values()]
        wanted += [arrival_ref(key) for key in chosen if key.startswith("r:")]
        tx.arrive([Arrival(ref, BY_PERSON) for ref in wanted], utc_now())
    if as_json:
        click.echo(json.dumps({"retry": [names[key] for key in chosen]}, indent=2))
    else:
        click.echo(f"{counted(len(chosen), 'incident')} will be tried by the next pass: tieline sync")


@parked.command()
@click.argument("ref")
@config_option
@json_option
def show(ref: str, config_path: Path, as_json: bool) -> None:
    """Show why REF is parked, since when, how often it was tried, and what was written to it last.

    \b
    tieline parked show INC0010023
    """
    from tieline.sync.explain import park_json

    with open_state(config_path) as (_, store), store.read() as tx:
        park = _one(tx, ref)
        name, number = _name(tx, park), int(park.key[2:]) if park.key.startswith("p:") else None
        trail = tx.audit_trail(pair=number, limit=LAST) if number is not None else []
    if as_json:
        last = [
            {"at": e.at.isoformat(), "action": e.action, "outcome": e.outcome, "pass": e.pass_id}
            for e in trail
        ]
        click.echo(json.dumps({**park_json(park), "incident": name, "last": last}, indent=2))
        return
    now = utc_now()
    click.echo(f"{name}  {park.reason}")
    click.echo(f"  why       {park.detail}")
    click.echo(
        f"  since     {park.since:%Y-%m-%d %H:%M} UTC ({ago(park.since, now)}), tried {park.tries + 1} times"
    )
    again = (
        "when it changes"
        if park.retry_at is None
        else f"{park.retry_at:%Y-%m-%d %H:%M} UTC, or when it changes"
    )
    click.echo(f"  next try  {again}; at once: tieline parked retry {ref}")
    for entry in trail:
        click.echo(f"  {ago(entry.at, now):<12}  {entry.action}: {entry.outcome} (pass {entry.pass_id})")


@parked.command()
@click.argument("refs", metavar="REF...", nargs=-1, required=True)
@config_option
@json_option
def drop(refs: tuple[str, ...], config_path: Path, as_json: bool) -> None:
    """Take REF off the list without trying it again now.

    If what was wrong is still there at the next look (a change, or within a day), it is parked again. What a
    rule of the policy holds is let go for good: that rule does not hold it again for the same reason.

    \b
    tieline parked drop INC0010023
    """
    with open_state(config_path) as (_, store), store.transaction() as tx:
        parks = [_one(tx, ref) for ref in refs]
        names = [_name(tx, park) for park in parks]
        for park in parks:
            tx.unpark(park.key)
            _lift(tx, park)
    click.echo(json.dumps({"dropped": names}, indent=2) if as_json else f"Dropped: {', '.join(names)}")


def _lift(tx: Tx, park: Park) -> None:
    """A person has looked at what a rule holds: it goes on from the next pass."""
    from tieline.sync.model import Arrival
    from tieline.sync.pairing import lifted_note
    from tieline.sync.parking import BY_PERSON, BY_RULE, arrival_ref
    from tieline.sync.policy.orders import lifted, mark_in

    mark = mark_in(park.detail) if park.reason == BY_RULE else ""
    if not mark:
        return
    now = utc_now()
    if park.key.startswith("p:"):
        pair = tx.pairs([int(park.key[2:])])[int(park.key[2:])]
        tx.save_pair(replace(pair, base=lifted(pair.base, mark, now)))
        ref = pair.servicenow
    else:
        tx.set_note(lifted_note(park.key), mark)
        ref = arrival_ref(park.key)
    tx.arrive([Arrival(ref, BY_PERSON)], now)


def _one(tx: Tx, ref: str) -> Park:
    """The park that a person means by a number, a key, or the name that the list shows."""
    for park in tx.all_parks():
        name = _name(tx, park)
        if ref in (park.key, name, *name.split(" = ")):
            return park
    raise ConfigError(f"not parked: {ref}; see `tieline parked list`")


def _name(tx: Tx, park: Park) -> str:
    if not park.key.startswith("p:"):
        return park.label or park.key.removeprefix("r:")
    pair: Pair | None = tx.pairs([int(park.key[2:])]).get(int(park.key[2:]))
    return park.key if pair is None else f"{pair.number} = {pair.key}"

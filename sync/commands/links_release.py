"""`tieline links release`: lets an incident close though a rule of closure holds it back."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import open_state


@click.command()
@click.argument("ref")
@config_option
@json_option
def release(ref: str, config_path: Path, as_json: bool) -> None:
    """Let incident REF close though it lacks what its closure needs.

    The next pass carries the closing over that was held back, and frees the column of `[links.hold]`. The
    rules that hold it back now do not hold it back again. What it lacks goes on being shown as missing.

    \b
    tieline links release INC0010023
    """
    from tieline.sync.commands.session import utc_now
    from tieline.sync.links.followup import RELEASED, let_close
    from tieline.sync.links.holding import held_key
    from tieline.sync.links.rules import USUAL
    from tieline.sync.model import Arrival
    from tieline.sync.policy.load import load_policy

    with open_state(config_path) as (config, store), store.transaction() as tx:
        pair = next(iter(tx.named(ref)), None)
        if pair is None:
            raise ConfigError(f"{ref} has no pair; `tieline plan --only {ref}` tells what would become of it")
        why = tx.note(held_key(pair))
        if why is None:
            raise ConfigError(f"The closing of {pair.number} is not held back: tieline links show {ref}")
        policy = None if config.policy is None else load_policy(config.path).policy.links
        rules = (policy or USUAL).holding
        let_close(tx, pair, rules)
        now = utc_now()
        tx.arrive([Arrival(pair.servicenow, RELEASED)], now, now)
    if as_json:
        click.echo(json.dumps({"incident": pair.number, "held": why, "rules": rules}, indent=2))
        return
    click.echo(f"{pair.number} = {pair.key} may close, though {why}")
    click.echo("The next pass carries it over: tieline sync")

"""`tieline people`: who is who on both sides, and who has no partner."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import (
    EXIT_FAILED,
    Adapters,
    open_session,
    open_state_or_none,
    progress_bar,
    utc_now,
)

if TYPE_CHECKING:
    from tieline.sync.config.model import Config
    from tieline.sync.people_check import Known, Used

PAGE = 500


@click.group(invoke_without_command=True)
@click.option("--all", "everybody", is_flag=True, help="Those with a partner, too.")
@config_option
@json_option
@click.pass_context
def people(context: click.Context, everybody: bool, config_path: Path, as_json: bool) -> None:
    """Who is who: the people and groups that incidents named so far and that have no usable partner.

    \b
    tieline people
    tieline people --all --json
    tieline people check
    """
    if context.invoked_subcommand is not None:
        return
    from tieline.sync.people_check import standing

    found: list[Known] = []
    with open_state_or_none(config_path) as (config, store), store.read() as tx:
        after: tuple[str, str, str] | None = None
        while page := tx.walk_entities(after, PAGE):
            found += [standing(row.entity, row.partner, config) for row in page]
            last = page[-1].entity
            after = (last.side, last.kind, last.id)
    shown = [known for known in found if everybody or known.standing != "joined"]
    if as_json:
        click.echo(json.dumps([known.as_json() for known in shown], indent=2))
        return
    for line in _listing([(known, "") for known in shown], config):
        click.echo(line)
    if not found:
        click.echo("No mirrored incident has named anybody yet: `tieline people check` looks before go-live")
    elif not shown:
        click.echo(f"Everybody has a partner ({len(found)} people and groups)")


@people.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Look at what changed since this day (UTC).")
@click.option("--limit", type=click.IntRange(1), default=2000, show_default=True, help="Records a side.")
@click.option("--all", "everybody", is_flag=True, help="Those with a partner, too.")
@config_option
@json_option
@click.pass_context
def check(
    context: click.Context,
    since: datetime | None,
    limit: int,
    everybody: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """Before go-live: whom do incidents in scope name that have no partner? Exit code 1 if there is anybody.

    Reads records of both sides that changed since the day (of each route, unless it is said), and writes
    nothing.

    \b
    tieline people check
    tieline people check --since 2026-01-01 --json
    """
    from datetime import UTC

    from tieline.sync.feeds import go_live
    from tieline.sync.people_check import used
    from tieline.sync.run import EVERYTHING, new_run

    adapters: Adapters = context.obj
    with open_session(adapters, config_path, look=True) as session, progress_bar(not as_json) as progress:
        run = new_run("", session.config, session.store, session.sides, utc_now, EVERYTHING, remember=False)
        start = min(go_live(route) for route in session.config.routes)
        found = used(run, start if since is None else since.replace(tzinfo=UTC), limit, progress)
    lacking = [each for each in found if each.known.standing != "joined"]
    shown = found if everybody else lacking
    if as_json:
        click.echo(json.dumps([each.as_json() for each in shown], indent=2))
    else:
        for line in _listing([(each.known, _uses(each)) for each in shown], session.config):
            click.echo(line)
        click.echo(_summary(found, lacking))
    context.exit(EXIT_FAILED if lacking else 0)


def _listing(rows: Sequence[tuple[Known, str]], config: Config) -> Iterator[str]:
    """Everybody by what is to be thought of them, and what can be done; each with the caller's remark."""
    from tieline.sync.people_check import ADVICE

    width = max((len(_who(known)) for known, _ in rows), default=0)
    for standing in ("joined", *ADVICE):
        mine = [(known, remark) for known, remark in rows if known.standing == standing]
        if not mine:
            continue
        why, remedy = ADVICE.get(standing, ("", ""))
        yield f"{standing}: {why}" if why else standing
        for known, remark in mine:
            partner = f"= {known.partner.name}" if known.partner is not None and not why else ""
            yield f"  {_who(known):<{width}}  {'  '.join(filter(None, (partner, remark)))}".rstrip()
        if remedy:
            yield f"  -> {remedy}; until then {_rules(config, {known.entity.kind for known, _ in mine})}"


def _who(known: Known) -> str:
    entity = known.entity
    return f"{entity.side} {entity.kind} {entity.name}" + (f" <{entity.email}>" if entity.email else "")


def _rules(config: Config, kinds: Collection[str]) -> str:
    """What the configuration does about the unknown of these kinds."""
    rules = {"person": ("people", config.people.unknown), "group": ("groups", config.groups.unknown)}
    told = [f'[{table}] unknown = "{rule}"' for kind, (table, rule) in rules.items() if kind in kinds]
    return f"{' and '.join(told)} {'decides' if len(told) == 1 else 'decide'}"


def _uses(each: Used) -> str:
    times = "once" if each.count == 1 else f"{each.count} times"
    return f"{times} in {', '.join(each.fields)}, as in {each.example}"


def _summary(found: list[Used], lacking: list[Used]) -> str:
    if not found:
        return (
            "No incident in scope names a person or group yet; look further back with --since, or later again"
        )
    if not lacking:
        return f"All {len(found)} people and groups have a partner"
    have = "has" if len(lacking) == 1 else "have"
    return f"{len(lacking)} of {len(found)} people and groups {have} no usable partner"

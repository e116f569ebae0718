"""`tieline status`: how the mirror is doing, from the state alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_FAILED, EXIT_PERSON, ago, open_state, utc_now

if TYPE_CHECKING:
    from tieline.sync.store import Store

PASSES = 5


@click.command()
@config_option
@json_option
@click.pass_context
def status(context: click.Context, config_path: Path, as_json: bool) -> None:
    """Show pairs, inbox, conflicts, parked incidents and the last passes.

    Reads the state only. Exits 1 if the last pass failed, 3 if something needs a person.

    \b
    tieline status         for people
    tieline status --json  for monitoring
    """
    with open_state(config_path) as (config, store):
        found = _figures(store)
    found = {"installation": config.installation, "config": str(config.path), **found}
    click.echo(json.dumps(found, indent=2) if as_json else _text(found))
    last = found["passes"][0] if found["passes"] else None
    if last is not None and last["error"]:
        context.exit(EXIT_FAILED)
    if found["conflicts_open"] or found["parked"]:
        context.exit(EXIT_PERSON)


def _figures(store: Store) -> dict[str, Any]:
    from tieline.sync.explain import pass_json, summary_line

    now = utc_now()
    with store.read() as tx:
        passes = tx.last_passes(PASSES)
        return {
            "pairs": tx.pair_count(),
            "inbox": tx.inbox_count(),
            "inbox_due": tx.inbox_count(now),
            "conflicts_open": tx.open_conflict_count(),
            "parked": tx.park_count(),
            "intents_open": len(tx.open_intents()),
            "passes": [
                {**pass_json(p), "line": f"{ago(p.ended or p.started, now)}: {summary_line(p)}"}
                for p in passes
            ],
        }


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{found['installation']} ({found['config']})",
        f"  pairs           {found['pairs']}",
        f"  inbox           {found['inbox']} waiting, {found['inbox_due']} of them due",
        f"  open conflicts  {found['conflicts_open']}" + _hint(found["conflicts_open"], "conflicts list"),
        f"  parked          {found['parked']}" + _hint(found["parked"], "parked list"),
        f"  unknown writes  {found['intents_open']}"
        + ("   (looked for by a later pass)" if found["intents_open"] else ""),
        "last passes" if found["passes"] else "no pass yet   (tieline sync --initial)",
    ]
    return "\n".join([*lines, *(f"  {entry['line']}" for entry in found["passes"])])


def _hint(count: int, command: str) -> str:
    return f"   (tieline {command})" if count else ""

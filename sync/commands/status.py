"""`tieline status`: how the mirror is doing, from the state alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.sync.commands.options import Pause, config_option, json_option
from tieline.sync.commands.session import EXIT_FAILED, EXIT_PERSON, ago, lasted, open_state, utc_now

if TYPE_CHECKING:
    from tieline.sync.store import Store

PASSES = 5


@click.command()
@click.option("--max-age", type=Pause(), metavar="DURATION",
              help="Exit 1 if no pass ended well for so long, such as 15m or 1h.")  # fmt: skip
@config_option
@json_option
@click.pass_context
def status(context: click.Context, max_age: timedelta | None, config_path: Path, as_json: bool) -> None:
    """Show how far behind each side is, what waits, what is held or parked, and the last passes.

    Reads the state only, so that a monitoring check may ask as often as it likes. Exits 1 if the last pass
    failed or is too long ago, 3 if something needs a person.

    \b
    tieline status                 for people
    tieline status --json          for machines
    tieline status --max-age 15m   for a monitoring check
    """
    with open_state(config_path) as (config, store):
        found = _figures(store, max_age)
    found = {"installation": config.installation, "config": str(config.path), **found}
    click.echo(json.dumps(found, indent=2) if as_json else _text(found))
    if found["health"] in ("failing", "stale", "left"):
        context.exit(EXIT_FAILED)
    if found["conflicts_open"] or found["parked"]:
        context.exit(EXIT_PERSON)


def _figures(store: Store, max_age: timedelta | None) -> dict[str, Any]:
    from tieline.sync.explain import pass_json, summary_line
    from tieline.sync.health import held_fields, judge, lags

    now = utc_now()
    with store.read() as tx:
        passes = tx.last_passes(PASSES)
        return {
            "health": judge(tx, now, max_age),
            "lag_seconds": {side: _seconds(lag.behind(now)) for side, lag in lags(tx).items()},
            "held": {kind: dict(fields) for kind, fields in held_fields(tx).items()},
            "pairs": tx.pair_count(),
            "inbox": tx.inbox_count(),
            "inbox_due": tx.inbox_count(now),
            "conflicts_open": tx.open_conflict_count(),
            "parked": tx.park_count(),
            "left_out": tx.left_out_count(),
            "intents_open": len(tx.open_intents()),
            "passes": [
                {**pass_json(p), "line": f"{ago(p.ended or p.started, now)}: {summary_line(p)}"}
                for p in passes
            ],
        }


def _text(found: dict[str, Any]) -> str:
    from tieline.sync.health import WORDS

    lines = [
        f"{found['installation']} ({found['config']}): {WORDS[found['health']]}",
        f"  behind          {_behind(found['lag_seconds'])}",
        f"  pairs           {found['pairs']}",
        f"  inbox           {found['inbox']} waiting, {found['inbox_due']} of them due",
        f"  open conflicts  {found['conflicts_open']}" + _hint(found["conflicts_open"], "conflicts list"),
        *(f"    {kind:<14}{_counts(fields)}" for kind, fields in sorted(found["held"].items())),
        f"  parked          {found['parked']}" + _hint(found["parked"], "parked list"),
        *([f"  left out        {found['left_out']} by rules of the policy"] if found["left_out"] else []),
        f"  unknown writes  {found['intents_open']}"
        + ("   (looked for by a later pass)" if found["intents_open"] else ""),
        "last passes" if found["passes"] else "no pass yet   (tieline sync --initial)",
    ]
    return "\n".join([*lines, *(f"  {entry['line']}" for entry in found["passes"])])


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else max(0, int(length.total_seconds()))


def _behind(lags: dict[str, int | None]) -> str:
    told = {side: "never read" if lag is None else lasted(lag) for side, lag in lags.items()}
    return ", ".join(f"{side} {text}" for side, text in told.items())


def _counts(fields: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(fields.items()))


def _hint(count: int, command: str) -> str:
    return f"   (tieline {command})" if count else ""

"""`tieline verify`: are all pairs in step, and if not, why not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import (
    EXIT_FAILED,
    EXIT_PERSON,
    Adapters,
    open_session,
    progress_bar,
    utc_now,
)

if TYPE_CHECKING:
    from tieline.sync.verify import Batch, Difference


@click.command()
@config_option
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="How many differences to show; all are counted.",
)
@json_option
@click.pass_context
def verify(context: click.Context, config_path: Path, limit: int, as_json: bool) -> None:
    """Read all pairs on both sides, and list what differs, each with its cause.

    The comparison owes nothing to the feeds or to what Tieline remembers; what it remembers only explains.
    Nothing is written. Exits 0 if all is in step or about to be, 3 if something waits for a person, 1 if a
    difference has no explanation. With --json one object a line: the differences, then the summary.

    \b
    tieline verify
    tieline verify --json | jq 'select(.cause == "unexplained")'
    """
    from tieline.sync.run import EVERYTHING, new_run
    from tieline.sync.verify import FOR_PEOPLE
    from tieline.sync.verify import verify as compare

    adapters: Adapters = context.obj
    causes: Counter[str] = Counter()
    figures = Counter(compared=0, skipped=0)
    with open_session(adapters, config_path) as session, progress_bar(not as_json) as progress:
        run = new_run("", session.config, session.store, session.sides, utc_now, EVERYTHING, remember=False)
        for batch in compare(run, progress):
            _show(batch, limit - causes.total(), as_json)
            figures.update(compared=batch.compared, skipped=batch.skipped)
            causes.update(difference.cause for difference in batch.differences)
        requests = session.requests()
    _sum_up(figures, causes, requests, as_json)
    if causes["unexplained"]:
        context.exit(EXIT_FAILED)
    if FOR_PEOPLE & set(causes):
        context.exit(EXIT_PERSON)


def _show(batch: Batch, room: int, as_json: bool) -> None:
    for difference in batch.differences[: max(room, 0)]:
        click.echo(json.dumps(difference.json()) if as_json else _lines(difference))


def _lines(difference: Difference) -> str:
    from tieline.sync.explain import shown

    pair = difference.pair
    head = f"{pair.number} = {pair.key}  {difference.unit or 'the pair'}: {difference.cause}"
    values = [
        f"    {side:<10}  " + ", ".join(f"{name} {shown(value)}" for name, value in sorted(values.items()))
        for side, values in (("servicenow", difference.servicenow), ("jira", difference.jira))
        if values
    ]
    return "\n".join([head, *values, f"    {difference.detail}"])


def _sum_up(figures: Counter[str], causes: Counter[str], requests: dict[str, int], as_json: bool) -> None:
    from tieline.sync.verify import CAUSES

    if as_json:
        summary = {**figures, "differences": dict(causes), "requests": requests}
        click.echo(json.dumps({"summary": summary}))
        return
    skipped = (
        f", {figures['skipped']} of routes that are not configured left out" if figures["skipped"] else ""
    )
    sent = f", {sum(requests.values())} requests"
    what = f"{causes.total()} differences" if causes else "all in step"
    click.echo(f"{figures['compared']} pairs compared: {what}{skipped}{sent}")
    for cause, words in CAUSES.items():
        if causes[cause]:
            click.echo(f"  {causes[cause]:>6}  {cause}: {words}")

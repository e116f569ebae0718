"""`tieline adopt`: find halves that exist already, by a rule, show them, then pair them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.link import agreed, may_write, person_at_work, yes_option
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_FAILED, EXIT_PERSON, Adapters, progress_bar

if TYPE_CHECKING:
    from tieline.sync.halves import Found, Twins
    from tieline.sync.joining import Joint
    from tieline.sync.run import Run

DEFAULT_RULES: Final = ("key", "mention")


@dataclass
class Outcome:
    """What was found and what became of it."""

    twins: list[Twins] = field(default_factory=list)
    ambiguous: list[tuple[str, Sequence[str]]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    looked_at: dict[str, int] = field(default_factory=dict)
    paired: int = 0

    def add(self, found: Found) -> None:
        """Take in one route."""
        self.twins += found.twins
        self.ambiguous += found.ambiguous
        for side, count in found.looked_at.items():
            self.looked_at[side] = self.looked_at.get(side, 0) + count


@click.command()
@click.option(
    "--rule",
    "rules",
    metavar="RULE",
    multiple=True,
    help="key, mention, summary or COLUMN=FIELD; repeatable.  [default: key, mention]",
)
@click.option("--route", metavar="NAME", help="Only this route.")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="How many to show.")
@yes_option
@config_option
@json_option
@click.pass_context
def adopt(
    context: click.Context,
    rules: tuple[str, ...],
    route: str | None,
    limit: int,
    yes: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """Find halves that exist already, by a rule, show them, and pair them once you say so.

    Use it before the first `tieline sync --initial`, where incidents were copied by hand or by an older tool:
    what is paired gets no second mirror. A match counts only if it is unique on both sides. Rules:

    \b
    key           the incident's marker or link column holds the issue's key (or the other way round)
    mention       the number stands in the issue's text, or the key in the incident's
    summary       summary and short description are the same
    COLUMN=FIELD  a ServiceNow column and a Jira field hold the same text: u_jira=customfield_10099

    \b
    tieline adopt
    tieline adopt --rule u_ticket=customfield_10077 --yes
    """
    from tieline.sync.halves import Rule, find_halves, wanted_fields

    adapters: Adapters = context.obj
    wanted = [Rule.parse(text) for text in rules or DEFAULT_RULES]
    outcome = Outcome()
    writes, also = may_write(yes, as_json), wanted_fields(wanted)
    with (
        person_at_work(adapters, config_path, writes=writes, also=also) as runs,
        progress_bar(not as_json) as progress,
    ):
        with runs(False) as run:
            for name in _routes(run, route):
                outcome.add(find_halves(run, wanted, name, progress))
        if not as_json:
            click.echo(_text(outcome, limit))
        done = bool(outcome.twins) and agreed(f"Pair these {len(outcome.twins)}?", yes, as_json)
        if done:
            with runs(True) as run:
                for batch in _batches(run, outcome):
                    _pair(run, outcome, batch)
                    progress("pairing", outcome.paired, len(outcome.twins))
    click.echo(json.dumps(_json(outcome, done), indent=2) if as_json else _end(outcome, done))
    if done and outcome.refused:
        context.exit(EXIT_FAILED)
    if (outcome.twins and not done) or outcome.ambiguous:
        context.exit(EXIT_PERSON)


def _routes(run: Run, wanted: str | None) -> list[str]:
    if wanted is not None and wanted not in run.routes:
        raise ConfigError(f"there is no route {wanted!r}; there is {', '.join(run.routes)}")
    return [name for name, route in run.routes.items() if not route.paused and wanted in (None, name)]


def _batches(run: Run, outcome: Outcome) -> Iterator[list[Joint]]:
    """The twins as they are now, ready to be joined; those that cannot be are told with the reason."""
    from tieline.connectors.base import SIDES, Record
    from tieline.sync.joining import joint

    size = run.config.limits.wave
    for start in range(0, len(outcome.twins), size):
        some = outcome.twins[start : start + size]
        read = {side: run.read(side, [getattr(each, side).ref for each in some]) for side in SIDES}
        joints = []
        for each, ours, theirs in zip(some, read["servicenow"], read["jira"], strict=True):
            label = f"{each.servicenow.label} = {each.jira.label}"
            if not isinstance(ours, Record) or not isinstance(theirs, Record):
                outcome.refused.append((label, "one of them is not shown any more"))
                continue
            try:
                joints.append(joint(run, ours, theirs, each.route))
            except ConfigError as error:
                outcome.refused.append((label, str(error)))
        yield joints


def _pair(run: Run, outcome: Outcome, joints: Sequence[Joint]) -> None:
    from tieline.sync.joining import join
    from tieline.sync.model import Pair

    for each, made in zip(joints, join(run, joints), strict=True):
        if isinstance(made, Pair):
            outcome.paired += 1
        else:
            outcome.refused.append((each.label, str(made)))


def _text(outcome: Outcome, limit: int) -> str:
    counts = " and ".join(f"{count} in {side}" for side, count in outcome.looked_at.items())
    lines = [f"Looked at {counts} that are in no pair"]
    lines += [f"{t.servicenow.label} = {t.jira.label}   by {t.rule}" for t in outcome.twins[:limit]]
    if len(outcome.twins) > limit:
        lines.append(f"... and {len(outcome.twins) - limit} more")
    for rule, labels in outcome.ambiguous[:limit]:
        lines.append(f"not unique by {rule}, left alone: {labels[0]} could be {', '.join(labels[1:])}")
    return "\n".join(lines)


def _end(outcome: Outcome, done: bool) -> str:
    lines = [f"not paired: {label}: {why}" for label, why in outcome.refused]
    if done:
        lines.append(f"{outcome.paired} pairs. `tieline plan` shows where they differ")
    elif outcome.twins:
        lines.append(f"{len(outcome.twins)} would be paired; nothing was done. With --yes they will be")
    else:
        lines.append("Nothing to pair")
    return "\n".join(lines)


def _json(outcome: Outcome, done: bool) -> dict[str, Any]:
    return {
        "looked_at": outcome.looked_at,
        "matches": [
            {"servicenow": t.servicenow.label, "jira": t.jira.label, "route": t.route, "rule": t.rule}
            for t in outcome.twins
        ],
        "ambiguous": [
            {"rule": rule, "servicenow": labels[0], "jira": list(labels[1:])}
            for rule, labels in outcome.ambiguous
        ],
        "refused": [{"pair": label, "why": why} for label, why in outcome.refused],
        "paired": outcome.paired,
        "done": done,
    }

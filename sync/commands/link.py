"""`tieline link` and `tieline unlink`: pair two records by hand, or end a pair."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import (
    EXIT_PERSON,
    Adapters,
    new_pass_id,
    open_session,
    utc_now,
)

if TYPE_CHECKING:
    from tieline.connectors.base import Record
    from tieline.sync.joining import Joint
    from tieline.sync.model import Pair, Plan
    from tieline.sync.run import Run

yes_option = click.option("-y", "--yes", is_flag=True, help="Do it without asking.")


@contextmanager
def person_at_work(
    adapters: Adapters, config_path: Path, *, writes: bool, **more: Any
) -> Iterator[Callable[[bool], AbstractContextManager[Run]]]:
    """Makes runs for one person's wish: `runs(False)` only looks, `runs(True)` is a pass of its own.

    Where it may write, it is alone on the state from the first look on.
    """
    from tieline.sync.config import load_config
    from tieline.sync.errand import errand
    from tieline.sync.lock import Holder, one_pass

    now = utc_now()
    alone = one_pass(load_config(config_path).state_url, Holder.here(now)) if writes else nullcontext()
    with alone, open_session(adapters, config_path, create=writes, look=not writes, **more) as session:
        known = session.config, session.store, session.sides
        yield lambda work: errand(*known, clock=utc_now, id_=new_pass_id(now), writes=work)


def may_write(yes: bool, as_json: bool) -> bool:
    """Whether a person said yes, or is there to be asked."""
    return yes or (not as_json and sys.stdin.isatty())


def agreed(question: str, yes: bool, as_json: bool) -> bool:
    """Whether a person said yes: by the option, or now, where there is a person to ask."""
    if yes or not may_write(yes, as_json):
        return yes
    return click.confirm(question, default=False)


@click.command()
@click.argument("one")
@click.argument("two")
@click.option("--route", metavar="NAME", help="The route that joins them.  [default: the one that fits]")
@yes_option
@config_option
@json_option
@click.pass_context
def link(
    context: click.Context, one: str, two: str, route: str | None, yes: bool, config_path: Path, as_json: bool
) -> None:
    """Pair two records that exist already: an incident number and an issue key.

    Shows first what differs and which side would win. The younger record gets the marker of a mirror (the
    older one where that field holds something else), so that the pair is found again even if the state is
    lost. From then on the two are mirrored like any other pair.

    \b
    tieline link INC0010001 OPS-17
    tieline link INC0010001 OPS-17 --yes
    """
    from tieline.sync.joining import foresee, join, joint

    adapters: Adapters = context.obj
    with person_at_work(adapters, config_path, writes=may_write(yes, as_json)) as runs:
        with runs(False) as run:
            found = joint(run, _record(run, one), _record(run, two), route)
            foreseen = foresee(run, found)
        shown = _shown(found, foreseen)
        if not as_json:
            click.echo(_told(shown, foreseen))
        done = agreed("Pair them?", yes, as_json)
        if done:
            with runs(True) as run:
                (made,) = join(run, [found])
                if isinstance(made, Exception):
                    raise made
    _finish(context, {**shown, "done": done}, as_json, f"{found.label} are a pair now. Next: tieline sync")


def _shown(found: Joint, foreseen: Plan) -> dict[str, Any]:
    from tieline.sync.explain import plan_lines

    return {
        "servicenow": found.record("servicenow").label,
        "jira": found.record("jira").label,
        "route": found.route,
        "origin": found.origin.label,
        "marked": found.mirror.label,
        "marker": str(found.marker),
        "next_pass": plan_lines(foreseen),
    }


def _told(shown: dict[str, Any], foreseen: Plan) -> str:
    differs = [line for line in shown["next_pass"] if "the other half is shown" not in line]
    lines = [
        f"{shown['servicenow']} and {shown['jira']} on the route {shown['route']}",
        f"  {shown['marked']} gets the marker {shown['marker']}",
        "  what the next pass would do:" if differs else "  they agree in every mapped field",
        *(f"    {line}" for line in differs),
    ]
    if any(conflict.open for conflict in foreseen.conflicts):
        lines.append("  what is on hold waits for a person: tieline conflicts list")
    return "\n".join(lines)


def _finish(context: click.Context, shown: dict[str, Any], as_json: bool, sentence: str) -> None:
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    elif shown["done"]:
        click.echo(sentence)
    else:
        click.echo("Nothing was done. With --yes it will be")
    if not shown["done"]:
        context.exit(EXIT_PERSON)


def _record(run: Run, label: str) -> Record:
    """The record that a person named. ConfigError if no side knows or shows it."""
    from tieline.connectors.base import Record
    from tieline.sync.engine import find_label

    ref = find_label(run.sides, label)
    found = run.read(ref.side, [ref])[0]
    if not isinstance(found, Record):
        raise ConfigError(f"{label}: {found}")
    return found


@click.command("unlink")
@click.argument("ref")
@click.option("--keep-marks", is_flag=True, help="Leave the marker and the visible links where they are.")
@click.option(
    "--mirror-anew", is_flag=True, help="Let each half get a mirror of its own, instead of leaving it alone."
)
@yes_option
@config_option
@json_option
@click.pass_context
def unlink_command(
    context: click.Context,
    ref: str,
    keep_marks: bool,
    mirror_anew: bool,
    yes: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """End the pair of REF, an incident number or an issue key. Both records stay; no text is changed.

    The marker and the visible links are taken off. Neither record gets another mirror by itself: pair it
    again with `tieline link`, or give --mirror-anew.

    \b
    tieline unlink OPS-17
    tieline unlink OPS-17 --yes --mirror-anew
    """
    from tieline.sync.explain import step_lines
    from tieline.sync.joining import part, unmarking

    adapters: Adapters = context.obj
    with person_at_work(adapters, config_path, writes=may_write(yes, as_json)) as runs:
        with runs(False) as run:
            pair = _pair(run, ref)
            steps = [] if keep_marks else unmarking(run, pair)
        lines = [line for step in steps for line in step_lines(step)]
        shown: dict[str, Any] = {
            "servicenow": pair.number, "jira": pair.key, "pair": pair.id, "writes": lines,
            "mirror_anew": mirror_anew,
        }  # fmt: skip
        if not as_json:
            click.echo("\n".join([f"{pair.number} = {pair.key}", *(f"  {line}" for line in lines)]))
        done = agreed("End this pair?", yes, as_json)
        if done:
            with runs(True) as run:
                part(run, pair, steps, anew=mirror_anew)
    after = "each gets a mirror of its own with the next pass" if mirror_anew else "both are left alone"
    _finish(context, {**shown, "done": done}, as_json, f"{pair.number} and {pair.key} are apart: {after}")


def _pair(run: Run, label: str) -> Pair:
    from tieline.sync.engine import find_label

    ref = find_label(run.sides, label)
    with run.store.read() as tx:
        pair = tx.pairs_of([ref]).get(ref)
    if pair is None:
        raise ConfigError(
            f"{label} is in no pair; `tieline plan --only {label}` tells what would become of it"
        )
    return pair

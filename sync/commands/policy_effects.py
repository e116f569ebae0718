"""`tieline policy simulate` and `diff`: what a policy, or a change of one, would make of many incidents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.policy_options import engine_of, load, output_option, policy_argument, put
from tieline.sync.commands.session import utc_now

if TYPE_CHECKING:
    from tieline.sync.policy.load import Loaded
    from tieline.sync.policy.records import Row

F = TypeVar("F", bound=Callable[..., Any])


def _sources(function: F) -> F:
    """The options that say over which records."""
    for option in reversed((
        click.option("--records", type=click.Path(path_type=Path, dir_okay=False),
                     help="A file: the incident event log's layout, CSV, JSON or JSON lines; plain or gzip."),
        click.option("--state", "from_state", is_flag=True, help="What the state last saw of every pair."),
        click.option("--live", is_flag=True, help="Every pair as both systems show it now."),
    )):  # fmt: skip
        function = option(function)
    return function


@click.command()
@policy_argument
@config_option
@_sources
@json_option
@click.pass_context
def simulate(
    context: click.Context,
    policy: Path | None,
    config_path: Path,
    records: Path | None,
    from_state: bool,
    live: bool,
    as_json: bool,
) -> None:
    """Show what the policy would make of incidents that there were; nothing is written.

    How many would change, by field and rule; how far it agrees with what people chose; rules that never
    fire; how many incidents a week get the gravest priority.

    \b
    tieline policy simulate --records incidents.csv.gz
    tieline policy simulate policy.toml --live
    """
    from tieline.sync.policy.simulate import simulate as run
    from tieline.sync.policy.simulate import simulated_json, simulated_lines

    loaded = load(policy, config_path)
    engine = engine_of(loaded)
    with (
        _counting(not as_json) as progress,
        _source(context, loaded, config_path, records, from_state, live) as rows,
    ):
        found = run(engine, rows, utc_now(), progress)
    if as_json:
        click.echo(json.dumps(simulated_json(loaded.policy, found), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(simulated_lines(loaded.policy, found)))


@click.command()
@click.argument("old", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@_sources
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
              show_default=True, help="How to print it; Markdown is fit for a review comment.")  # fmt: skip
@output_option
@click.pass_context
def diff(
    context: click.Context,
    old: Path,
    new: Path,
    config_path: Path,
    records: Path | None,
    from_state: bool,
    live: bool,
    form: str,
    output: Path | None,
) -> None:
    """Show what the policy NEW would make of incidents otherwise than the policy OLD.

    \b
    tieline policy diff main/policy.toml policy.toml --records incidents.csv.gz --format markdown
    """
    from tieline.sync.policy import simulate as over

    before, after = load(old, config_path), load(new, config_path)
    engines = engine_of(before), engine_of(after)
    with (
        _counting(form == "text") as progress,
        _source(context, after, config_path, records, from_state, live) as rows,
    ):
        found = over.compare_policies(*engines, rows, utc_now(), progress)
    shown = {
        "text": lambda: "\n".join(over.compared_lines(found)),
        "markdown": lambda: over.compared_markdown(found),
        "json": lambda: over.compared_json(found),
    }
    put(shown[form](), output)


@contextmanager
def _counting(show: bool) -> Iterator[Callable[[int], None]]:
    """Progress on a terminal: how many records so far."""
    from tieline.sync.commands.session import progress_bar

    with progress_bar(show) as report:
        yield lambda done: report("reading records", done, 0)


@contextmanager
def _source(
    context: click.Context,
    loaded: Loaded,
    config_path: Path,
    records: Path | None,
    from_state: bool,
    live: bool,
) -> Iterator[Iterator[Row]]:
    """The records that the options name."""
    if (records is not None) + from_state + live != 1:
        raise click.UsageError("name one source: --records FILE, --state or --live")
    if records is not None:
        if not records.is_file():
            raise click.UsageError(f"--records {records}: there is no such file")
        from tieline.sync.policy.records import read_records

        yield read_records(records, loaded.policy)
        return
    from tieline.sync.commands.policy_records import of_pairs

    with of_pairs(context.obj, config_path, loaded, live=live) as rows:
        yield rows

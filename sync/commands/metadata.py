"""`tieline metadata`: what both instances know, kept as a file for checks without credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_FAILED, Adapters

if TYPE_CHECKING:
    from tieline.connectors.base import Side
    from tieline.sync.policy.snapshot import Place, Snapshot

file_option = click.option(
    "-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False), default=Path("metadata.json"),
    show_default=True, help="The file, to be kept in the repository.",
)  # fmt: skip


@click.group("metadata")
def metadata() -> None:
    """Keep what both instances know in a file: fields, choices, statuses, transitions, groups."""


@metadata.command()
@config_option
@file_option
@json_option
@click.pass_context
def pull(context: click.Context, config_path: Path, file: Path, as_json: bool) -> None:
    """Ask both instances and write the file; nothing is changed there.

    `tieline policy check` compares with it once the policy names it: metadata = "metadata.json".

    \b
    tieline metadata pull -o policy/metadata.json
    """
    from tieline.sync.policy.snapshot import to_json

    snapshot = _asked(context.obj, config_path)
    try:
        file.write_text(to_json(snapshot), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}") from error
    known = {
        f"{route}/{side}": len(p.fields) for route, s in snapshot.routes.items() for side, p in s.items()
    }
    if as_json:
        click.echo(json.dumps({"file": str(file), "fields": known}))
    else:
        click.echo(f"{file}: " + ", ".join(f"{place} {count} fields" for place, count in known.items()))


@metadata.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("metadata.json"))
@json_option
@click.pass_context
def diff(context: click.Context, config_path: Path, file: Path, as_json: bool) -> None:
    """Show where both instances differ by now from the FILE that was pulled. Exits 1 if they do.

    \b
    tieline metadata diff policy/metadata.json
    """
    from tieline.sync.policy.snapshot import drift, read_snapshot

    old = read_snapshot(file)
    lines = [*drift(old, _asked(context.obj, config_path))]
    if as_json:
        click.echo(json.dumps({"file": str(file), "drift": lines}, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(lines) or f"{file}: nothing has changed")
    if lines:
        context.exit(EXIT_FAILED)


def _asked(adapters: Adapters, config_path: Path) -> Snapshot:
    """What both instances know now."""
    from tieline.sync.config import load_config
    from tieline.sync.policy.snapshot import Snapshot, place_of
    from tieline.sync.setup.live import columns

    config = load_config(config_path)
    routes: dict[str, dict[Side, Place]] = {}
    with adapters.inspect(config.servicenow, config.jira, config.path.parent) as sides:
        for route in config.routes:
            jira = f"{route.jira.project}/{route.jira.issue_type}"
            wanted = tuple(field.jira for field in config.fields_for(route))
            routes[route.name] = {
                "servicenow": place_of(sides["servicenow"].place(route.servicenow.table, columns(config))),
                "jira": place_of(sides["jira"].place(jira, wanted)),
            }
    return Snapshot(routes)

"""`tieline state`: backup, restore, check, vacuum and export of what Tieline remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.connectors.errors import ConfigError, StateError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_FAILED, open_state, progress_bar, utc_now

if TYPE_CHECKING:
    from tieline.sync.config import Config
    from tieline.sync.store import Store
    from tieline.sync.store.copies import Described

FILE = click.Path(dir_okay=False, path_type=Path)
SHOWN_FAULTS = 50


@click.group()
def state() -> None:
    """What Tieline remembers: backup, restore, check, vacuum, export.

    \b
    tieline state backup /backups/tieline.db
    tieline state check
    """


@state.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@config_option
@json_option
def backup(file: Path, force: bool, config_path: Path, as_json: bool) -> None:
    """Copy the state into FILE, which only you can read; a pass may run meanwhile.

    The copy holds one moment. A state on PostgreSQL is backed up with pg_dump.

    \b
    tieline state backup /backups/tieline-$(date +%F).db
    """
    from tieline.sync.store import copies

    with open_state(config_path) as (_, store), progress_bar(not as_json) as progress:
        found = copies.backup(store, file, overwrite=force, progress=progress)
    if as_json:
        click.echo(json.dumps({"file": str(file), **copies.described(found)}, indent=2))
    else:
        click.echo(f"{file}: {_summary(found)}")


@state.command()
@click.argument("file", type=FILE, required=False)
@click.option(
    "--noted", is_flag=True, help="The database was restored by its own tools: only take note of it."
)
@config_option
@json_option
def restore(file: Path | None, noted: bool, config_path: Path, as_json: bool) -> None:
    """Put a backup in the place of the state. What stood there is kept beside it.

    Refuses a backup of another installation or of a newer Tieline, and while a pass runs. What was mirrored
    after the backup is found again by its markers, so that nothing gets a second mirror: records from before
    the restore are looked for on the other side before a mirror is made of them.

    \b
    tieline state restore /backups/tieline-2026-01-31.db
    """
    from tieline.sync.config import load_config
    from tieline.sync.lock import Holder, one_pass

    if (file is None) == (not noted):
        raise click.UsageError("name the backup, or give --noted")
    config, now = load_config(config_path), utc_now()
    with one_pass(config.state_url, Holder.here(now)):
        said: dict[str, Any] = {} if file is None else _put_back(config, file, f"{now:%Y%m%d-%H%M%S}")
        _note_restored(config, now.isoformat())
    if as_json:
        click.echo(json.dumps({"restored": True, **said}, indent=2))
        return
    if said:
        click.echo(
            f"Restored {said['summary']}" + (f"; the old state is {said['kept']}" if said["kept"] else "")
        )
    click.echo("Look first: tieline plan. Then: tieline sync")


def _put_back(config: Config, file: Path, stamp: str) -> dict[str, Any]:
    from tieline.sync.store import copies
    from tieline.sync.store.place import locate

    place = locate(config.state_url)
    if not file.is_file():
        raise StateError(f"There is no backup at {file}")
    found = copies.describe(file)
    if found.installation != config.installation:
        raise ConfigError(
            f"{file} belongs to the installation {found.installation!r}, the configuration names "
            f"{config.installation!r}: nothing was restored"
        )
    path = place.path
    kept = path.with_name(f"{path.name}.{stamp}") if path is not None and path.exists() else None
    copies.restore(file, place, kept)
    return {"summary": _summary(found), "kept": str(kept) if kept else None, **copies.described(found)}


def _note_restored(config: Config, moment: str) -> None:
    from tieline.sync.admission import UNSURE
    from tieline.sync.store import open_store

    with open_store(config.state_url, create=False) as store, store.transaction() as tx:
        tx.set_note(UNSURE, moment)


@state.command()
@config_option
@json_option
@click.pass_context
def check(context: click.Context, config_path: Path, as_json: bool) -> None:
    """Read the whole state and say what is wrong with it. Exits 1 if something is.

    \b
    tieline state check && echo fine
    """
    from tieline.sync.store import copies

    faults: list[str] = []
    with open_state(config_path) as (_, store), progress_bar(not as_json) as progress:
        for fault in copies.check(store, progress):
            faults.append(fault)
            if len(faults) == SHOWN_FAULTS:
                break
        name = store.place.name
    if as_json:
        click.echo(json.dumps({"state": name, "fine": not faults, "faults": faults}, indent=2))
    else:
        click.echo("\n".join([f"{name}: " + ("fine" if not faults else f"{len(faults)} faults"), *faults]))
        if faults:
            click.echo("A backup helps: tieline state restore FILE. Without one: tieline rebuild", err=True)
    if faults:
        context.exit(EXIT_FAILED)


@state.command()
@config_option
@json_option
def vacuum(config_path: Path, as_json: bool) -> None:
    """Drop what is older than `[keep]` says, and give back its room. Not while a pass runs.

    \b
    tieline state vacuum
    """
    from tieline.sync.duties import drop_old
    from tieline.sync.lock import Holder, one_pass
    from tieline.sync.store import copies

    now = utc_now()
    with open_state(config_path) as (config, store), one_pass(config.state_url, Holder.here(now)):
        dropped = dict(drop_old(config, store, now))
        before, after = copies.vacuum(store)
    if as_json:
        click.echo(json.dumps({"dropped": dropped, "bytes_before": before, "bytes_after": after}, indent=2))
        return
    old = ", ".join(f"{count} {what}" for what, count in dropped.items() if count) or "nothing old"
    size = f"; {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now" if before else ""
    click.echo(f"Dropped {old}{size}")


@state.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@config_option
@json_option
def export(file: Path, config_path: Path, as_json: bool) -> None:
    """Write everything that is remembered into FILE as JSON lines; `-` is standard output.

    FILE can be read by you only: it holds text of tickets and names of people.

    \b
    tieline state export state.jsonl
    tieline state export - | jq 'select(.table == "pairs")'
    """
    from tieline.sync.store.copies import private_file

    with open_state(config_path) as (_, store):
        if str(file) == "-":
            _write_rows(store, None)
            return
        with private_file(file) as part, part.open("w", encoding="utf-8") as target:
            count = _write_rows(store, target)
    said = {"file": str(file), "rows": count}
    click.echo(json.dumps(said) if as_json else f"{count} rows written to {file}")


def _write_rows(store: Store, target: Any) -> int:
    from tieline.sync.store.copies import rows

    count = 0
    for row in rows(store):
        line = json.dumps(row, ensure_ascii=True)
        if target is None:
            click.echo(line)
        else:
            target.write(line + "\n")
        count += 1
    return count


def _summary(found: Described) -> str:
    last = f", last pass {found.last_pass}" if found.last_pass else ""
    return f"installation {found.installation!r}, {found.pairs} pairs{last}"

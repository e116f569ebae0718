"""`tieline audit`: what was written, newest first, and its export."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import open_state, utc_now

if TYPE_CHECKING:
    from tieline.sync.model import AuditEntry, Pair
    from tieline.sync.store import Store

PAGE = 500
COLUMNS = (
    "at",
    "pass",
    "incident",
    "side",
    "id",
    "action",
    "outcome",
    "field",
    "old",
    "new",
    "why",
    "detail",
)
_AGO = re.compile(r"(\d{1,5})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@click.command()
@click.argument("ref", required=False)
@config_option
@click.option(
    "--since", metavar="WHEN", help="Only from here on: 2h, 7d, 2026-01-31 or 2026-01-31T08:00 (UTC)."
)
@click.option("--pass", "pass_id", metavar="ID", help="Only what this pass did.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N",
              help="At most N entries.  [default: 50, or all with --export]")  # fmt: skip
@click.option("--export", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write to FILE, for you only: .csv has a line a field, else JSON lines.")  # fmt: skip
@json_option
def audit(
    ref: str | None,
    config_path: Path,
    since: str | None,
    pass_id: str | None,
    limit: int | None,
    target: Path | None,
    as_json: bool,
) -> None:
    """Show what was written, newest first: where, what, old and new, why, in which pass, and what came of it.

    REF is a number, a key or a record id; without it, of all incidents. With --json one object a line.

    \b
    tieline audit INC0010023
    tieline audit --since 2h
    tieline audit --since 2026-01-01 --export january.csv
    """
    moment = None if since is None else when(since, utc_now())
    with open_state(config_path) as (_, store):
        pair = None if ref is None else named_pair(store, ref)
        most = limit if limit is not None else (None if target else 50)
        found = entries(store, most, pair=pair, pass_id=pass_id, since=moment)
        if target is not None:
            count = _export(found, store, target)
            _say_exported(count, target, as_json)
            return
        count = 0
        for entry, incident in named(store, found):
            click.echo(
                json.dumps(entry_json(entry, incident)) if as_json else "\n".join(lines(entry, incident))
            )
            count += 1
    if not count and not as_json:
        click.echo(
            "Nothing was written" + ("" if ref is None and since is None and pass_id is None else " here")
        )


def when(text: str, now: datetime) -> datetime:
    """A moment as people write it: an age such as 2h, or a date with or without time, UTC."""
    age = _AGO.fullmatch(text)
    if age:
        return now - timedelta(seconds=int(age[1]) * _UNITS[age[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no moment: write 2h, 7d or 2026-01-31T08:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def named_pair(store: Store, label: str) -> Pair:
    """The pair that a person means, from the state alone. ConfigError if it knows none."""
    with store.read() as tx:
        found = tx.named(label)
    if not found:
        raise ConfigError(f"the state knows no pair of {label!r}: `tieline show {label}` asks both sides")
    return found[0]


def entries(
    store: Store, limit: int | None, *, pair: Pair | None, pass_id: str | None, since: datetime | None
) -> Iterator[AuditEntry]:
    """Entries, newest first, a page at a time."""
    last: AuditEntry | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        with store.read() as tx:
            page = tx.audit_page(size, pair=pair, pass_id=pass_id, since=since, before=last)
        yield from page
        if len(page) < size:
            return
        last = page[-1]
        left = None if left is None else left - len(page)


def named(store: Store, found: Iterator[AuditEntry]) -> Iterator[tuple[AuditEntry, str]]:
    """Each entry with the name of its incident."""
    names: dict[int, str] = {}
    for entry in found:
        if entry.pair is not None and entry.pair not in names:
            with store.read() as tx:
                pair = tx.pairs([entry.pair]).get(entry.pair)
            if len(names) > PAGE:
                names.clear()
            names[entry.pair] = f"pair {entry.pair}" if pair is None else f"{pair.number} = {pair.key}"
        yield entry, names[entry.pair] if entry.pair is not None else str(entry.ref or "")


def lines(entry: AuditEntry, incident: str) -> list[str]:
    """One entry for people."""
    from tieline.sync.explain import shown

    side = f" in {entry.ref.side}" if entry.ref and entry.action != "Create" else ""
    what = f"{entry.action}{side}: {entry.outcome}  (pass {entry.pass_id})"
    head = f"{entry.at:%Y-%m-%d %H:%M:%S}  {incident}  {what}"
    changed = [
        f"    {name}: {shown(entry.old.get(name))} -> {shown(value)}"
        for name, value in sorted(entry.new.items())
    ]
    because = [f"    because {why}" for why in entry.why if why]
    return [head, *changed, *because, *([f"    {entry.detail}"] if entry.detail else [])]


def entry_json(entry: AuditEntry, incident: str) -> dict[str, Any]:
    """One entry for machines."""
    from tieline.sync.explain import values_json

    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "pass": entry.pass_id,
        "incident": incident,
        "pair": entry.pair,
        "side": entry.ref.side if entry.ref else None,
        "record": entry.ref.id if entry.ref else None,
        "action": entry.action,
        "outcome": entry.outcome,
        "old": values_json(entry.old),
        "new": values_json(entry.new),
        "why": list(entry.why),
        "detail": entry.detail,
    }


def _export(found: Iterator[AuditEntry], store: Store, target: Path) -> int:
    from tieline.sync.store.copies import private_file

    with private_file(target) as part, part.open("w", encoding="utf-8", newline="") as file:
        write = _csv if target.suffix.lower() == ".csv" else _json_lines
        return write(named(store, found), file)


def _json_lines(found: Iterator[tuple[AuditEntry, str]], file: IO[str]) -> int:
    count = 0
    for entry, incident in found:
        file.write(json.dumps(entry_json(entry, incident)) + "\n")
        count += 1
    return count


def _csv(found: Iterator[tuple[AuditEntry, str]], file: IO[str]) -> int:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)
    count = 0
    for entry, incident in found:
        count += 1
        ref = entry.ref
        head = (entry.at.isoformat(), entry.pass_id, incident, ref.side if ref else "", ref.id if ref else "")
        tail = ("; ".join(entry.why), entry.detail)
        for name in sorted(entry.new) or [""]:
            values = (entry.old.get(name), entry.new.get(name))
            cells = (*head, entry.action, entry.outcome, name, *map(_cell, values), *tail)
            rows.writerow([_inert(cell) for cell in cells])
    return count


def _cell(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else value or ""


def _inert(cell: str) -> str:
    """Ticket text that a spreadsheet would run as a formula, made text (OWASP: CSV injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _say_exported(count: int, target: Path, as_json: bool) -> None:
    said = {"file": str(target), "entries": count}
    click.echo(json.dumps(said) if as_json else f"{count} entries written to {target}")

"""`tieline show`: one incident, both records side by side, and why each value is what it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import Adapters, Session, open_session

if TYPE_CHECKING:
    from tieline.connectors.base import Record, Side, Values
    from tieline.sync.attachments.listing import Listed
    from tieline.sync.conversation.model import Heard
    from tieline.sync.links.graph import Branch
    from tieline.sync.mapping import Directory, Unit
    from tieline.sync.model import AuditEntry, Conflict, Pair, Park
    from tieline.sync.policy.explain import Explanation

TRAIL = 200
MADE = "as when the mirror was made"
NEW = "not dealt with yet"


@dataclass(frozen=True)
class Shown:
    """What is known of one incident: its pair, both records, and what happened to it."""

    pair: Pair
    records: dict[Side, Record]
    directory: Directory
    units: tuple[Unit, ...]
    trail: list[AuditEntry]
    conflicts: list[Conflict]
    park: Park | None
    policy: Explanation | None = None
    """What the policy says about it, where there is one."""
    files: tuple[Listed, ...] | None = None
    """Its files on both sides; None where files are not carried over, or cannot be listed."""
    ties: tuple[Branch, ...] = ()
    """The problems, changes and incidents that it is tied to."""
    heard: tuple[Heard, ...] = ()
    """What is remembered of its conversation."""


@click.command()
@click.argument("ref")
@config_option
@json_option
@click.pass_context
def show(context: click.Context, ref: str, config_path: Path, as_json: bool) -> None:
    """Show incident REF (a number or an issue key): both records, the base, and why each value is so.

    \b
    tieline show INC0010023
    tieline show OPS-17 --json
    """
    adapters: Adapters = context.obj
    with open_session(adapters, config_path) as session:
        found = find(session, ref)
    if isinstance(found, str):
        click.echo(json.dumps({"ref": ref, "pair": None, "note": found}) if as_json else found)
        return
    click.echo(json.dumps(_json(found), indent=2) if as_json else side_by_side(found))


def find(session: Session, label: str) -> Shown | str:
    """What is known of the incident with this number or key; a sentence if it has no pair."""
    from tieline.connectors.base import SIDES, Record
    from tieline.sync.attachments.listing import listed
    from tieline.sync.commands.session import utc_now
    from tieline.sync.engine import find_label
    from tieline.sync.links.graph import graph
    from tieline.sync.pairing import pair_key, record_key
    from tieline.sync.run import EVERYTHING, new_run

    ref = find_label(session.sides, label)
    with session.store.read() as tx:
        pair = tx.pairs_of([ref]).get(ref)
        if pair is None:
            park = tx.parked([record_key(ref)]).get(record_key(ref))
            outlook = tx.outlook(record_key(ref))
            why = f"`tieline plan --only {label}` shows what a pass would do."
            if park:
                why = f"It is parked: {park.detail}"
            elif outlook is not None and outlook.left_out:
                why = f"It is left out of scope by {outlook.left_out}."
            return f"{label} has no pair. {why}"
        trail = tx.audit_trail(pair=pair.id, limit=TRAIL)
        conflicts = tx.conflicts(open_only=False, pair=pair.id, limit=TRAIL)
        park = tx.parked([pair_key(pair)]).get(pair_key(pair))
        ties = tuple(graph(tx, pair))
        heard = tuple(tx.heard([pair.id]).get(pair.id, ()))
    run = new_run("", session.config, session.store, session.sides, utc_now, EVERYTHING, remember=False)
    vocabulary = run.vocabularies.get(pair.route)
    if vocabulary is None:
        return f"{label} belongs to the route {pair.route!r}, which the configuration does not have any more"
    read = [run.read(side, [pair.ref(side)])[0] for side in SIDES]
    records = {record.ref.side: record for record in read if isinstance(record, Record)}
    directory = run.people.directory([(record, vocabulary) for record in records.values()], utc_now())
    found = Shown(pair, records, directory, vocabulary.units, trail, conflicts, park)
    found = replace(found, files=listed(run, pair, records), ties=ties, heard=heard)
    return found if run.govern is None else replace(found, policy=_policy(session, found))


def _policy(session: Session, found: Shown) -> Explanation:
    from tieline.sync.commands.policy_records import explained
    from tieline.sync.commands.session import utc_now
    from tieline.sync.policy.load import compiled, load_policy

    return explained(found, compiled(load_policy(session.config.path)), utc_now())


def _why(found: Shown, unit: Unit) -> str:
    """The newest write that concerned the unit, and who stands behind it."""
    base = found.pair.base.unit(unit.name)
    for entry in found.trail:
        touched = {*entry.new} & {*unit.servicenow, *unit.jira}
        if touched and entry.outcome == "applied":
            reasons = [why for why in entry.why if why.startswith(f"{unit.name}:")] or list(entry.why)
            why = reasons[0] if reasons else f"{unit.name}: {entry.action}"
            return f"{why} ({entry.at:%Y-%m-%d %H:%M} UTC, pass {entry.pass_id})"
    dealt = base.of(found.pair.origin)
    return f"{unit.name}: {MADE if dealt is not None else NEW}"


def _value(found: Shown, unit: Unit, side: Side, values: Values) -> str:
    from tieline.sync.explain import shown

    parts = []
    for name in unit.fields(side):
        value = values.get(name)
        met = unit.entities(side, {name: value}) if value is not None else ()
        names = [found.directory.name(side, kind, id_) for kind, id_ in met]
        value = frozenset(names) if isinstance(value, frozenset) and names else next(iter(names), value)
        parts.append(f"{name} {shown(value, 40)}" if len(unit.fields(side)) > 1 else shown(value, 40))
    return "\n".join(parts)


def _json(found: Shown) -> dict[str, Any]:
    from tieline.sync.conversation.summary import counted, summary_json
    from tieline.sync.explain import conflict_json, park_json, values_json
    from tieline.sync.links.graph import graph_json
    from tieline.sync.policy.explain import explanation_json

    fields = []
    for unit in found.units:
        entry: dict[str, Any] = {"field": unit.name, "why": _why(found, unit)}
        for side, record in found.records.items():
            dealt = found.pair.base.unit(unit.name).of(side)
            entry[side] = values_json(unit.own(side, record.values))
            entry[f"{side}_base"] = None if dealt is None else values_json(dealt.values)
            entry[f"{side}_origin"] = None if dealt is None else dealt.origin
        fields.append(entry)
    pair = found.pair
    return {
        "pair": pair.id,
        "route": pair.route,
        "number": pair.number,
        "key": pair.key,
        "origin": pair.origin,
        "state": pair.state,
        "fields": fields,
        "conflicts": [conflict_json(conflict) for conflict in found.conflicts],
        "park": None if found.park is None else park_json(found.park),
        "policy": None if found.policy is None else explanation_json(found.policy),
        "ties": graph_json(found.ties),
        "conversation": {**counted(found.heard), "entries": summary_json(found.heard)},
        "attachments": None if found.files is None else [file.as_json() for file in found.files],
    }


def side_by_side(found: Shown) -> str:
    """Both records as a table, with what stands between them and why."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tieline.connectors.base import SIDES
    from tieline.sync.conversation.summary import summary_lines
    from tieline.sync.links.graph import graph_lines

    pair = found.pair
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("field", pair.number, pair.key, "in step"):
        table.add_column(head, overflow="fold")
    for unit in found.units:
        cells = [
            _value(found, unit, side, found.records[side].values) if side in found.records else "(gone)"
            for side in SIDES
        ]
        table.add_row(*(Text(cell) for cell in (unit.name, *cells, _in_step(found, unit))))
    console = Console(highlight=False)
    with console.capture() as drawn:
        console.print(table)
    lines = [
        f"{pair.number} = {pair.key}, raised in {pair.origin}, route {pair.route}, {pair.state}",
        *(line.rstrip() for line in drawn.get().splitlines()),
        "why each value is what it is",
        *(f"  {reason}" for reason in _reasons(found)),
        *(f"  {line}" for line in _strangers(found)),
        *_said(found),
        *graph_lines(pair, found.ties),
        *summary_lines(found.heard),
        *(["files", *(f"  {file.line()}" for file in found.files)] if found.files else []),
        *_troubles(found),
    ]
    return "\n".join(lines)


def _said(found: Shown) -> list[str]:
    """What the policy says about it."""
    from tieline.sync.policy.explain import explanation_lines

    if found.policy is None:
        return []
    return ["what the policy says", *(f"  {line}" for line in explanation_lines(found.policy))]


def _reasons(found: Shown) -> list[str]:
    """Why each value is so, a line a field; fields that nothing happened to share a line."""
    told = {unit.name: _why(found, unit) for unit in found.units}
    quiet: dict[str, list[str]] = {}
    for name, why in told.items():
        if why in (f"{name}: {MADE}", f"{name}: {NEW}"):
            quiet.setdefault(why.removeprefix(f"{name}: "), []).append(name)
    silent = {name for names in quiet.values() for name in names}
    return [
        *(why for name, why in told.items() if name not in silent),
        *(f"{', '.join(names)}: {why}" for why, names in quiet.items()),
    ]


def _strangers(found: Shown) -> list[str]:
    """People and groups without a partner: their field may be empty across, and be in step all the same."""
    from tieline.connectors.base import other

    lines = []
    for unit in found.units:
        for side, record in found.records.items():
            for kind, id_ in unit.entities(side, record.values):
                if found.directory.partner(side, kind, id_) is None:
                    name = found.directory.name(side, kind, id_)
                    lines.append(f"{unit.name}: {name!r} has no partner in {other(side)}: tieline people")
    return lines


def _troubles(found: Shown) -> list[str]:
    """Conflicts, a park and what is not in step, each with the command that helps."""
    lines = []
    for conflict in found.conflicts:
        state = f"{conflict.winner or 'nobody'} won"
        if conflict.open:
            state = f"open: tieline conflicts resolve {conflict.id} --take servicenow|jira"
        lines.append(f"conflict {conflict.id}: {conflict.reason} ({state})")
    pair = found.pair
    if found.park is not None:
        lines.append(f"parked: {found.park.detail} (tieline parked retry {pair.number})")
    elif any(_in_step(found, unit) == "no" for unit in found.units):
        lines.append(f"not in step: `tieline plan --only {pair.number}` shows what a pass would do")
    return lines


def _in_step(found: Shown, unit: Unit) -> str:
    if len(found.records) < 2:
        return "?"
    values = {side: unit.own(side, record.values) for side, record in found.records.items()}
    return "yes" if unit.agrees(values["servicenow"], values["jira"], found.directory) else "no"

"""`tieline forget`: take text and personal data out of the state, and say what remains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import open_state, progress_bar, utc_now

if TYPE_CHECKING:
    from tieline.sync.store import Store

OUTSIDE = (
    "both tickets, with their history: they are ServiceNow's and Jira's to erase",
    "backups and exports that were made before: delete them where you keep them",
)


@click.command()
@click.argument("ref", required=False)
@click.option("--person", metavar="EMAIL", help="Forget this person everywhere in the state.")
@click.option("--yes", is_flag=True, help="Do it; without, only say what would be forgotten.")
@config_option
@json_option
def forget(ref: str | None, person: str | None, yes: bool, config_path: Path, as_json: bool) -> None:
    """Take text of the tickets of incident REF, or a person, out of what Tieline remembers.

    Changes the state only, never a ticket. Says what remains. Not while a pass runs.

    \b
    tieline forget INC0010023
    tieline forget --person joe@example.com --yes
    """
    from tieline.sync.config import load_config
    from tieline.sync.lock import Holder, one_pass

    if (ref is None) == (person is None):
        raise click.UsageError("name an incident, or a person with --person EMAIL")
    state_url = load_config(config_path).state_url
    with (
        one_pass(state_url, Holder.here(utc_now())),
        open_state(config_path) as (_, store),
        progress_bar(not as_json) as progress,
    ):
        said = _incident(store, ref, yes) if ref else _person(store, str(person), yes, progress)
        if yes:
            _overwrite(store)
    click.echo(json.dumps(said, indent=2) if as_json else _text(said))


class _Undone(Exception):
    """Ends a transaction that was only to count."""


def _incident(store: Store, ref: str, yes: bool) -> dict[str, Any]:
    from tieline.sync.commands.audit import named_pair
    from tieline.sync.forget import forget_pair

    pair = named_pair(store, ref)
    done: Mapping[str, int] = {}
    try:
        with store.transaction() as tx:
            done = forget_pair(tx, tx.pairs([pair.id])[pair.id])
            if not yes:
                raise _Undone
    except _Undone:
        pass
    with store.read() as tx:
        open_writes = sum(intent.pair == pair.id for intent in tx.open_intents())
    remains = [
        f"that {pair.number} = {pair.key} are a pair (ids, number, key), and when it was made and looked at",
        "when which field was written, in which pass, and what came of it; without values and reasons",
    ]
    if pair.state != "unlinked":
        remains.append(
            "while the pair is mirrored, its next look remembers what both tickets then hold; "
            f"`tieline unlink {ref}` ends that"
        )
    if open_writes:
        remains.append(f"{open_writes} writes whose answer was lost, until the next pass has settled them")
    return _said(f"{pair.number} = {pair.key}", done, yes, remains)


def _person(store: Store, email: str, yes: bool, progress: Any) -> dict[str, Any]:
    from tieline.sync.forget import Person, forget_person

    if not yes:
        with store.read() as tx:
            found = Person(email, tx.people_with(email))
        return _said(email, {"people": len(found.known)}, yes, _about(found.known))
    gone, done = forget_person(store, email, progress)
    return _said(email, done, yes, _about(gone.known))


def _about(known: list[Any]) -> list[str]:
    remains = [
        "values in which the person is named in a way that the state cannot know (a nickname, a phone number)"
    ]
    if not known:
        remains.append(
            "fields that hold an id: no person with this address is known, so only texts were searched"
        )
    remains.append("while tickets name the person, the next look at them remembers that again")
    return remains


def _said(what: str, done: Mapping[str, int], yes: bool, remains: list[str]) -> dict[str, Any]:
    return {"what": what, "forgotten": yes, "entries": dict(done), "remains": [*remains, *OUTSIDE]}


def _overwrite(store: Store) -> None:
    """What was replaced is not left readable in free pages of the file."""
    from tieline.sync.store.copies import vacuum

    vacuum(store)


def _text(said: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {what}" for what, count in said["entries"].items() if count) or "nothing"
    verb = "Forgotten" if said["forgotten"] else "Would forget"
    lines = [
        f"{verb} of {said['what']}: {counts}",
        "What remains:",
        *(f"  - {each}" for each in said["remains"]),
    ]
    return "\n".join([*lines, *([] if said["forgotten"] else ["Nothing was changed yet: add --yes"])])

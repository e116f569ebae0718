"""Says which request makes an action, and what its answer proves about it; it sends nothing."""

from __future__ import annotations

from typing import assert_never

from tieline.connectors.base import (
    Action,
    AddComment,
    AddNote,
    Applied,
    Attach,
    Create,
    Race,
    Record,
    Ref,
    Relate,
    RemoveLink,
    Reviewed,
    ShowLink,
    Transition,
    Unrelate,
    Update,
    Values,
)
from tieline.connectors.errors import ConnectorError, Malformed, Rejected, Unknown
from tieline.connectors.richtext import to_servicenow
from tieline.connectors.servicenow.journal import INTERNAL, PUBLIC, display, entry_text
from tieline.connectors.servicenow.pictures import pictures_written
from tieline.connectors.servicenow.records import (
    NOTE_FIELD,
    Row,
    body_of,
    link_field,
    mod_count,
    plain,
    record_of,
)
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.wire import Call


def call_of(action: Action, settings: ServiceNowSettings) -> Call:
    """The one request that makes `action`; a note of it goes along in the same request."""
    table = settings.table
    match action:
        case Create(place=place, values=values, marker=marker, origin=origin, note=note, shown=shown):
            assert place == table, f"{place} is not this connector's table"
            link = _shown(shown, settings) if shown else {}
            body = {**body_of(values), settings.marker: marker, **link, **_note(note)}
            return Call(table, None, body, f"creating the mirror of {origin}")
        case Update(ref=ref, values=values, note=note):
            return Call(table, ref.id, {**body_of(values), **_note(note)}, f"updating {ref}")
        case ShowLink(ref=ref, label=label, note=note):
            body = {**_shown(label, settings), **_note(note)}
            return Call(table, ref.id, body, f"showing {label} on {ref}")
        case RemoveLink(ref=ref):
            return Call(table, ref.id, _shown("", settings), f"taking the link off {ref}")
        case AddNote(ref=ref, text=text):
            return Call(table, ref.id, _note(text), f"adding a note to {ref}")
        case AddComment(ref=ref, values=values, public=public):
            journal = PUBLIC if public else INTERNAL
            text = to_servicenow(action.text, image=pictures_written)
            body = {**body_of(values), journal: entry_text(action.line, text)}
            return Call(table, ref.id, body, f"adding an entry to {ref}", reads_back=journal)
        case Relate(ref=ref, name=name, target=to):
            return Call(table, ref.id, {name: to.id}, f"setting {name} of {ref}")
        case Unrelate(ref=ref, name=name):
            return Call(table, ref.id, {name: ""}, f"emptying {name} of {ref}")
        case Transition():
            raise AssertionError("ServiceNow has no transitions: a status is written like any field")
        case Attach():
            raise AssertionError("a file is a stream of its own, and no row")
        case _:
            assert_never(action)


def outcome_of(
    action: Action, row: Row, settings: ServiceNowSettings, base_url: str, *, us: str, own_writes: int
) -> Applied | ConnectorError:
    """What a write's answer proves. `us` is our user name; `own_writes` counts what we wrote to the record
    since `action.seen`, this write left out.
    """
    ref = Ref("servicenow", plain(row["sys_id"]))
    if not isinstance(action, Create) and ref.id != action.ref.id:
        return Unknown(f"writing {action.ref}: the answer shows another record ({ref.id})")
    record = _record(row, settings, base_url)
    match action:
        case Create():
            return Applied(ref, record, alone=None if record is None else True)
        case Relate() | Unrelate() if (refused := _left_as_it_was(action, record)) is not None:
            return refused
        case Update(seen=seen) | AddComment(seen=seen) | Relate(seen=seen) | Unrelate(seen=seen):
            before = mod_count(seen)
            after = None if record is None else mod_count(record.version)
            if record is None or before is None or after is None or after < before:
                return Applied(ref, record)
            # A write that changes nothing may leave the count alone.
            risen = after - before - own_writes
            theirs = isinstance(action, Update) and risen == 1 and _set_before_us(action.values, record, us)
            alone = risen <= 1 and not theirs
            # An entry overwrites nothing; what a state that comes with it ran over is not looked for.
            quiet = alone or theirs or isinstance(action, AddComment)
            return Applied(ref, record, alone, () if quiet else (_race(record, us),))
        case _:
            return Applied(ref, record)


def refusal(action: Action, settings: ServiceNowSettings) -> Rejected | None:
    """Why a tie is not even sent: ServiceNow would set the column, or drop it, without a word of it."""
    if not isinstance(action, Relate | Unrelate):
        return None
    if action.global_id:
        return Rejected(f"{action.ref}: ServiceNow has no remote links", {action.name: "no remote link"})
    if action.name not in settings.ties:
        words = f"{action.ref}: {action.name} is not among the columns of relations that are read here"
        return Rejected(words, {action.name: "not read"})
    return None


def _shown(label: str, settings: ServiceNowSettings) -> dict[str, str]:
    """What shows the other half on the record: nothing where no field is configured for it."""
    return dict.fromkeys(link_field(settings), label)


def _set_before_us(values: Values, record: Record, us: str) -> bool:
    """Whether somebody else set just these values before we did: the one write that counted bears their name.

    Ours changed nothing then, and what else the record shows is theirs, not the system's.
    """
    by = record.updated_by.casefold()
    stand = bool(values) and all(record.values.get(name) == value for name, value in values.items())
    return bool(us and by) and by != us.casefold() and stand


def shows_entry(action: AddComment, row: Row) -> bool:
    """Whether the answer to a write shows the entry that it added, as people see the journal."""
    return action.mark in display(row.get(PUBLIC if action.public else INTERNAL))


def _left_as_it_was(action: Relate | Unrelate, record: Record | None) -> Rejected | None:
    """The refusal of a reference that ServiceNow dropped in silence; None if it stands as it was sent."""
    if record is None or record.ties is None:
        return None
    held = next((tie.target.id for tie in record.ties if tie.name == action.name), "")
    wanted = action.target.id if isinstance(action, Relate) else ""
    if held == wanted:
        return None
    words = "it was sent and not taken: may the account write it, and does the record exist?"
    return Rejected(f"{record.label}: ServiceNow left {action.name} as it was", {action.name: words})


def reviewed(write: Update | Transition, record: Record, *, us: str) -> Reviewed:
    """What a record shows afterwards of a write to it. `us` is our user name.

    The count tells that somebody wrote, never what. If our values do not stand and it rose by three or more,
    our write may be one of them and may have run over another's: that is said, as a race without a value. Our
    values may stand though the one change is somebody else's: then ours was not made, or changed nothing.
    """
    before, after = mod_count(write.seen), mod_count(record.version)
    stands = all(record.values.get(name) == value for name, value in write.values.items())
    if before is None or after is None or after < before:
        return Reviewed(record, True if stands else None)
    alone = after <= before + 1
    if after == before + 1 and _set_before_us(write.values, record, us):
        return Reviewed(record, made=False, alone=False)
    if stands:
        return Reviewed(record, True, alone, () if alone else (_race(record, us),))
    if after == before:
        return Reviewed(record, made=False)
    return Reviewed(record, None, alone, (_race(record, us),) if after > before + 2 else ())


def _note(text: str) -> dict[str, str]:
    return {NOTE_FIELD: text} if text else {}


def _record(row: Row, settings: ServiceNowSettings, base_url: str) -> Record | None:
    try:
        return record_of(row, settings, base_url)
    except Malformed:
        return None


def _race(record: Record, us: str) -> Race:
    """sys_mod_count tells that somebody wrote, not what; our own name as the last writer names nobody."""
    by = "" if record.updated_by.casefold() == us.casefold() else record.updated_by
    return Race(field="", value=None, known=False, at=record.updated, by=by)

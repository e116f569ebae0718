"""What became of a tie whose write lost its answer: whether it was made, and what it ran over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from tieline.connectors.base import Record, Relate, Reviewed, Tie, Unrelate, Update
from tieline.connectors.errors import ConnectorError, Gone
from tieline.sync.aspects import NOT_MADE, Recovered, holds_as_before
from tieline.sync.doubt import as_before, unseen_there
from tieline.sync.links.relations_steps import dealt, told
from tieline.sync.links.relations_view import plain
from tieline.sync.model import Conflict, Intent, Pair
from tieline.sync.outcome import as_applied, other_hand
from tieline.sync.run import Run
from tieline.sync.settle import races
from tieline.sync.store.store import Tx

MADE: Final = Recovered(True, "its answer was lost; the record shows that it was made")
MOVED_ON: Final = Recovered(None, "its answer was lost; its column moved on: it may have been written")


def recovered(run: Run, intent: Intent) -> Recovered:
    """Look at the record: a tie stands or it does not, whoever made it. Raises what kept us from looking.

    In doubt is what is hidden from us now, and a column that shows neither what was sent nor what was there
    before: it may have been run over, or never have been made. One that stands as before though others wrote,
    too, is dealt with as fields are: what they may have put back after us is told, and written again; if we
    wrote last, ours was not kept, and the answer to the next write says why.
    """
    action, found = intent.step.action, None
    assert isinstance(action, Relate | Unrelate)
    if action.global_id:
        shown = _shows_remote(run, action)
    else:
        found = _reviewed(run, action)
        shown = None if found is None else _shows(found.record, action)
    with run.store.read() as tx:
        pair = None if intent.pair is None else tx.pairs([intent.pair]).get(intent.pair)
    if pair is None:
        return NOT_MADE
    if shown is None:
        return _hidden(intent, pair, action, run.clock())
    if found is not None and not shown and _moved_on(found.record, action):
        return MOVED_ON
    lost = () if found is None else _ran_over(run, intent, pair, found)
    if shown == isinstance(action, Relate):
        return replace(MADE, told=lost, remember=partial(_remember, pair.id, action, run.clock()))
    if found is not None and lost and not run.wrote_last(found.record):
        lost = _put_back(pair, action, found.record, run.clock())
    return replace(NOT_MADE, told=lost)


def _hidden(intent: Intent, pair: Pair, action: Relate | Unrelate, at: datetime) -> Recovered:
    """What somebody puts back while the record is hidden is not seen: that it is run over is told.

    Not where another Conflict tells what the write was to overwrite. A remote link is ours alone.
    """
    why = "its answer was lost; its record is not shown"
    if intent.step.conflicts or action.global_id or pair.state != "active":
        return Recovered(None, why)
    return Recovered(None, why, (unseen_there(pair, action.ref.side, told(action)[0], action.values, at),))


def _shows_remote(run: Run, action: Relate | Unrelate) -> bool | None:
    """Whether an issue shows a remote link; None if it is not shown to us itself."""
    answer = run.sides["jira"].remote_ties([action.ref])[0]
    if isinstance(answer, Gone):
        return None
    if isinstance(answer, ConnectorError):
        raise answer
    return action.global_id in answer


def _reviewed(run: Run, action: Relate | Unrelate) -> Reviewed | None:
    """The record, with its count of changes where the write was decided from one; None if not shown to us."""
    answer: Record | Reviewed | ConnectorError
    if action.seen.token:
        [answer] = run.review(action.ref.side, [Update(action.ref, {}, {}, action.seen)])
    else:
        [answer] = run.read(action.ref.side, [action.ref])
    if isinstance(answer, Gone):
        return None
    if isinstance(answer, ConnectorError):
        raise answer
    return Reviewed(answer) if isinstance(answer, Record) else answer


def _shows(record: Record, action: Relate | Unrelate) -> bool:
    return any(_same(tie, action) for tie in record.ties or ())


def _same(tie: Tie, action: Relate | Unrelate) -> bool:
    if isinstance(action, Unrelate) and action.id:
        return tie.id == action.id
    same = tie.name == action.name and plain(tie.target) == plain(action.target)
    return same and (action.ref.side == "servicenow" or tie.outward == action.outward)


def _moved_on(record: Record, action: Relate | Unrelate) -> bool:
    """Whether a column that does not show our target shows one that it did not show before our write."""
    if action.ref.side != "servicenow":
        return False
    if isinstance(action, Unrelate):
        return any(tie.name == action.name for tie in record.ties or ())
    return not holds_as_before(record, action)


def _ran_over(run: Run, intent: Intent, pair: Pair, found: Reviewed) -> tuple[Conflict, ...]:
    """The races of a write to a column, if it was made: the count of changes tells, as it does for fields.

    One change alone that is not ours is none: ours was not made.
    """
    vocabulary = run.vocabularies.get(intent.route)
    if vocabulary is None or found.made is False:
        return ()
    done = as_applied(found, found.races or other_hand(run, found))
    return races(pair, intent.step, done, vocabulary, run.clock())


def _put_back(pair: Pair, action: Relate | Unrelate, record: Record, at: datetime) -> tuple[Conflict, ...]:
    """What somebody may have put back is told, as long as the next write of the pair runs over it."""
    if pair.state != "active":
        return ()
    return (as_before(pair.id, record, told(action)[0], action.values, at),)


def _remember(pair: int, action: Relate | Unrelate, at: datetime, tx: Tx) -> None:
    known = tx.relations_of([pair]).get(pair, [])
    tx.save_relations(dealt(known, pair, action, at))

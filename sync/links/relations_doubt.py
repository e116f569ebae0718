"""What a record tells of a tie whose write lost its answer: whether it was made, and what it ran over."""

from __future__ import annotations

from tieline.connectors.base import Relate, Tie, Unrelate, Update
from tieline.connectors.errors import ConnectorError, Gone
from tieline.sync.aspects import InDoubt, holds_as_before
from tieline.sync.links.relations_view import plain
from tieline.sync.model import Conflict, Intent
from tieline.sync.outcome import as_applied, other_hand
from tieline.sync.run import Run
from tieline.sync.settle import races


def stands(run: Run, action: Relate | Unrelate) -> bool | InDoubt:
    """Whether a record shows a tie, as far as it tells. Raises what kept us from reading it."""
    if action.global_id:
        answer = run.sides["jira"].remote_ties([action.ref])[0]
        if isinstance(answer, Gone):
            return InDoubt("its record is not shown")
        if isinstance(answer, ConnectorError):
            raise answer
        return action.global_id in answer
    found = run.read(action.ref.side, [action.ref])[0]
    if isinstance(found, Gone):
        return InDoubt("its record is not shown")
    if isinstance(found, ConnectorError):
        raise found
    shown = any(_same(tie, action) for tie in found.ties or ())
    column = isinstance(action, Relate) and action.ref.side == "servicenow"
    if column and not shown and not holds_as_before(found, action):
        return InDoubt("its column moved on: it may have been written")
    return shown


def ran_over(run: Run, intent: Intent) -> tuple[Conflict, ...]:
    """The races of a write to a column that was made: the count of changes tells, as it does for fields.

    One change alone that is not ours set the same: nothing was run over. Raises what kept us from reading it.
    """
    action, vocabulary, now = intent.step.action, run.vocabularies.get(intent.route), run.clock()
    if not isinstance(action, Relate | Unrelate) or not action.seen.token or vocabulary is None:
        return ()
    told = run.review(action.ref.side, [Update(action.ref, {}, {}, action.seen)])[0]
    if isinstance(told, ConnectorError):
        raise told
    with run.store.read() as tx:
        pair = None if intent.pair is None else tx.pairs([intent.pair]).get(intent.pair)
    if pair is None or told.made is False:
        return ()
    return races(pair, intent.step, as_applied(told, told.races or other_hand(run, told)), vocabulary, now)


def _same(tie: Tie, action: Relate | Unrelate) -> bool:
    if isinstance(action, Unrelate) and action.id:
        return tie.id == action.id
    same = tie.name == action.name and plain(tie.target) == plain(action.target)
    return same and (action.ref.side == "servicenow" or tie.outward == action.outward)

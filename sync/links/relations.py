"""Keeps relations of incidents in step, three-way: this module is the door for those who want one made.

    relate(tx, pair, relation, target, why, at=now)      # the next pass makes it on both sides
    unrelate(tx, pair, relation, target)                 # takes a wish back that was not carried out yet

Call them in any transaction of the state, a pass's or a command's. A wish is one row in the table
`relations` (`tx.relations_of`), and puts the pair into the inbox. The pass makes it on both sides, as if a
person had made it on one of them: ServiceNow's column is set if it is empty, an issue link is made if the
target has an issue, else a remote link. Where ServiceNow's column holds another record, the wish stays with
the reason in `Standing.held`: nothing that a person set is overwritten. A wish is used up once: what a person
removes afterwards is not made again. Wishing for what stands already does nothing.

`target` is the target's record in ServiceNow, or its issue if it has none there; either is found to be the
other by its pair.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tieline.connectors.base import Ref
from tieline.sync.links.model import Relation
from tieline.sync.links.relations_model import Standing
from tieline.sync.model import Arrival, Pair
from tieline.sync.store.store import Tx

__all__ = ["RELATED", "Standing", "identity", "kind_of", "relate", "standing_of", "unrelate"]

RELATED = "relation"
"""The reason of an arrival of a pair for which a relation is wanted, or whose target got its other half."""


def kind_of(table: str) -> str:
    """What a table of ServiceNow holds: problems, changes, else incidents."""
    return {"problem": "problem", "change_request": "change"}.get(table, "incident")


def relate(
    tx: Tx, pair: Pair, relation: Relation, target: Ref, why: str, *, at: datetime, label: str = ""
) -> Standing:
    """Want this relation made on both sides by the next pass. `why` is for people; `at` is now, UTC.

    Returns the relation as it is remembered: standing already, or wanted.
    """
    wanted = identity(tx, target)
    known = standing_of(tx, pair.id, relation, wanted)
    if known is not None and (known.servicenow or known.jira):
        return known
    wish = Standing(pair.id, relation, wanted, wanted=why or "wanted", label=label, since=at)
    if known is not None:
        wish = replace(known, wanted=wish.wanted, label=label or known.label, held="", retry_at=None)
    tx.save_relations([wish])
    tx.arrive([Arrival(pair.servicenow, RELATED)], at, at)
    return wish


def unrelate(tx: Tx, pair: Pair, relation: Relation, target: Ref) -> bool:
    """Take back a wish that was not carried out yet; False if there is none. What stands is left alone."""
    known = standing_of(tx, pair.id, relation, identity(tx, target))
    if known is None or not known.wanted:
        return False
    if known.servicenow or known.jira:
        tx.save_relations([replace(known, wanted="")])
    else:
        tx.drop_relations([known])
    return True


def identity(tx: Tx, target: Ref) -> Ref:
    """What a target is remembered by: its record in ServiceNow where it is in a pair, else itself."""
    pair = tx.pairs_of([target]).get(target)
    return target if pair is None else pair.servicenow


def standing_of(tx: Tx, pair: int, relation: Relation, target: Ref) -> Standing | None:
    """A relation as it is remembered; None if it never was."""
    known = tx.relations_of([pair]).get(pair, ())
    return next(
        (
            s
            for s in known
            if s.relation == relation and (s.target.side, s.target.id) == (target.side, target.id)
        ),
        None,
    )

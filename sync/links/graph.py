"""What an incident is tied to, and which others are tied to the same: read from the state, as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tieline.sync.links.model import Relation
from tieline.sync.links.relations_model import Standing
from tieline.sync.model import Pair
from tieline.sync.store.store import Tx

MAX_OTHERS = 20
"""Incidents that are named below one target; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One tie of an incident. `others` are incidents with the same tie, by number and key.

    `sides` are those on which it stands; `held` is why it cannot be carried over, "" if it is.
    """

    relation: Relation
    label: str
    sides: tuple[str, ...]
    held: str = ""
    others: tuple[str, ...] = ()


def graph(tx: Tx, pair: Pair) -> list[Branch]:
    """The ties of a pair, and what hangs on it itself (its children and duplicates)."""
    own = [kept for kept in tx.relations_of([pair.id]).get(pair.id, []) if _stands(kept)]
    branches = []
    for kept in own:
        same = [o for o in tx.related_to([kept.target]) if o.relation == kept.relation and _stands(o)]
        others = _names(tx, [o.pair for o in same if o.pair != pair.id])
        label = kept.label or kept.target.id
        branches.append(Branch(kept.relation, label, _sides(kept), kept.held, others))
    below = [o for o in tx.related_to([pair.servicenow]) if _stands(o) and o.pair != pair.id]
    return branches + [
        Branch(relation, "", (), others=names)
        for relation in ("parent", "duplicate")
        if (names := _names(tx, [o.pair for o in below if o.relation == relation]))
    ]


def graph_lines(pair: Pair, branches: Sequence[Branch]) -> list[str]:
    """The tree for people; nothing where there is no tie."""
    if not branches:
        return []
    lines = [f"{pair.number} = {pair.key} is tied to"]
    for branch in branches:
        if not branch.label:
            what = "children" if branch.relation == "parent" else "duplicates"
            lines.append(f"  its {what}")
        else:
            half = f", in {branch.sides[0]} only" if len(branch.sides) == 1 else ""
            held = f" (held: {branch.held})" if branch.held else ""
            lines.append(f"  {branch.relation.replace('_', ' ')} {branch.label}{half}{held}")
        lines += [f"    {'' if not branch.label else 'also '}{name}" for name in branch.others[:MAX_OTHERS]]
        if len(branch.others) > MAX_OTHERS:
            lines.append(f"    and {len(branch.others) - MAX_OTHERS} more")
    return lines


def graph_json(branches: Sequence[Branch]) -> list[dict[str, Any]]:
    """The tree for machines."""
    return [
        {
            "relation": branch.relation,
            "target": branch.label or None,
            "sides": list(branch.sides),
            "held": branch.held,
            "others": list(branch.others),
        }
        for branch in branches
    ]


def _stands(kept: Standing) -> bool:
    return kept.servicenow or kept.jira


def _sides(kept: Standing) -> tuple[str, ...]:
    return tuple(side for side, there in (("servicenow", kept.servicenow), ("jira", kept.jira)) if there)


def _names(tx: Tx, pairs: Sequence[int]) -> tuple[str, ...]:
    found = tx.pairs(set(pairs))
    return tuple(sorted(f"{pair.number} = {pair.key}" for pair in found.values()))

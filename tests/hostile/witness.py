"""Sees what people do to both stand-ins, between which passes, and what stood before; it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tieline.connectors.base import SIDES, Side, other
from tieline.connectors.sandbox.world import World
from tieline.sync.mapping import Unit
from tieline.sync.model import Pair


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a person: after how many passes, of which record, and what it held before and after."""

    passes: int
    side: Side
    id: str
    before: Mapping[str, object]
    after: Mapping[str, object]

    def held(self, unit: Unit) -> tuple[Mapping[str, object], Mapping[str, object]]:
        """What this unit was before and after."""
        names = unit.fields(self.side)
        return {name: self.before.get(name) for name in names}, {name: self.after.get(name) for name in names}

    def moved(self, unit: Unit) -> bool:
        """Whether it changed this unit."""
        before, after = self.held(unit)
        return before != after


class Witness:
    """Every edit of people on `world` from now on; `passes` tells how many passes there were."""

    def __init__(self, world: World, passes: Callable[[], int], patch: pytest.MonkeyPatch) -> None:
        self.edits: list[Edit] = []
        self._world = world
        self._passes = passes
        patch.setattr(world.servicenow, "update", partial(self._seen, "servicenow", world.servicenow.update))
        for move in ("update", "transition"):
            patch.setattr(world.jira, move, partial(self._seen, "jira", getattr(world.jira, move)))

    def _seen(self, side: Side, edit: Callable[..., Any], by: str, id_: str, *what: Any, **how: Any) -> Any:
        if how.get("table", "incident") != "incident":
            return edit(by, id_, *what, **how)
        before = self._shown(side, id_)
        after = edit(by, id_, *what, **how)
        self.edits.append(Edit(self._passes(), side, id_, before, self._shown(side, id_)))
        return after

    def _shown(self, side: Side, id_: str) -> Mapping[str, object]:
        """What a record holds, whoever asks."""
        return self._world.servicenow.get(id_) if side == "servicenow" else self._world.jira.get(id_).values

    def put_back(self, pair: Pair, unit: Unit, wrote: Collection[int]) -> bool:
        """Whether people, who had the last word, only put back what had stood when Tieline last wrote `unit`.

        Moved is told by values, since ServiceNow tells when a record was changed and not its fields: what
        was carried nowhere while it was away looks untouched, and what somebody left on the other side
        stands. The oracle of the simulation allows the same.
        `wrote` are the numbers of the passes that wrote the unit to either side, or may have.
        """
        ids = {side: pair.ref(side).id for side in SIDES}
        moves = [edit for edit in self.edits if edit.id == ids[edit.side] and edit.moved(unit)]
        if not moves:
            return False
        last, across = moves[-1], other(moves[-1].side)
        theirs = [edit for edit in moves if edit.side == across][-1:]
        now = self._shown(across, ids[across])
        if not any(edit.held(unit)[1] == {n: now.get(n) for n in unit.fields(across)} for edit in theirs):
            return False
        return any(
            edit.side == last.side
            and edit.held(unit)[0] == last.held(unit)[1]
            and not any(edit.passes <= number < last.passes for number in wrote)
            for edit in moves[:-1]
        )

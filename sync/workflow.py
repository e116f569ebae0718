"""Paths through a Jira workflow, from what is configured, readable or was observed; never by trying."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tieline.connectors.base import Move

MAX_HOPS: Final = 3


@dataclass(frozen=True, slots=True)
class Workflow:
    """The transitions known to leave each status, by status name."""

    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)

    def with_moves(self, status: str, moves: tuple[Move, ...]) -> Workflow:
        """This workflow with what an issue in `status` shows now; an empty list tells nothing."""
        return Workflow({**self.moves, status: moves}) if moves else self

    def path(self, start: str, targets: Sequence[str], *, most: int = MAX_HOPS) -> tuple[Move, ...] | None:
        """The fewest hops from `start` to the first reachable of `targets`; None where there is no path.

        At most three hops (`most`), and none through a status of a done category unless it is the target.
        """
        for target in targets:
            if start == target:
                return ()
            found = self._search(start, target, most)
            if found is not None:
                return found
        return None

    def reachable(self, start: str) -> tuple[str, ...]:
        """The statuses one hop away, for messages."""
        return tuple(sorted({move.to for move in self.moves.get(start, ())}))

    def _search(self, start: str, target: str, most: int) -> tuple[Move, ...] | None:
        waiting: deque[tuple[Move, ...]] = deque((move,) for move in self.moves.get(start, ()))
        seen = {start}
        while waiting:
            path = waiting.popleft()
            last = path[-1]
            if last.to == target:
                return path
            if last.to in seen or last.done or len(path) == most:
                continue
            seen.add(last.to)
            waiting.extend((*path, move) for move in self.moves.get(last.to, ()))
        return None

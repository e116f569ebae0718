"""Where rules apply, as boxes: which touch, which one others cover, with an incident as proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from tieline.sync.policy.clauses import Clause, clauses
from tieline.sync.policy.conditions import Condition, Moment, holds
from tieline.sync.policy.fields import Record
from tieline.sync.policy.model import Bound, Policy, Rule
from tieline.sync.policy.space import MAX_EXAMPLES, Box, Dimension, Space, Undecided

Entry = Rule | Bound


@dataclass(frozen=True)
class Verdict:
    """Whether something exists: an incident that proves it, or `covered`; neither is undecided."""

    example: Record | None = None
    covered: bool = False

    @property
    def undecided(self) -> bool:
        """Whether it is neither proven nor excluded."""
        return self.example is None and not self.covered


class Regions:
    """The boxes of all rules and bounds of a policy, and a bit for each to find those that touch."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.entries: tuple[Entry, ...] = policy.entries
        found: list[tuple[int, Clause]] = [
            (number, clause) for number, e in enumerate(self.entries) for clause in clauses(e.when)
        ]
        self.space = Space.of(policy, [clause for _, clause in found])
        boxes = [(number, self.space.box(clause)) for number, clause in found]
        self.boxes: list[tuple[int, Box]] = [(number, box) for number, box in boxes if box is not None]
        self.of: dict[int, list[Box]] = {number: [] for number in range(len(self.entries))}
        for number, box in self.boxes:
            self.of[number].append(box)
        self._bits: dict[int, int] = {}
        for bit, (number, _) in enumerate(self.boxes):
            self._bits[number] = self._bits.get(number, 0) | 1 << bit
        self._numbers = {id(entry): number for number, entry in enumerate(self.entries)}
        self._index = self._indexed()

    def _indexed(self) -> dict[Dimension, tuple[int, list[int]]]:
        """For each dimension the boxes that leave it open, and for each cell those that admit it."""
        index: dict[Dimension, tuple[int, list[int]]] = {}
        everything = (1 << len(self.boxes)) - 1
        bound: dict[Dimension, int] = {}
        for bit, (_, box) in enumerate(self.boxes):
            for key, mask in box.items():
                _, cells = index.setdefault(key, (0, [0] * self.space.full(key).bit_length()))
                bound[key] = bound.get(key, 0) | 1 << bit
                for cell in range(len(cells)):
                    if mask >> cell & 1:
                        cells[cell] |= 1 << bit
        return {key: (everything & ~bound[key], cells) for key, (_, cells) in index.items()}

    def touching(self, box: Box, among: int = -1) -> set[int]:
        """The entries of which a box meets this one; `among` is a mask of boxes (`bits`) to look at."""
        met = among & ((1 << len(self.boxes)) - 1)
        for key, mask in box.items():
            if key in self._index:
                open_, cells = self._index[key]
                admitted = open_
                for cell, bits in enumerate(cells):
                    if mask >> cell & 1:
                        admitted |= bits
                met &= admitted
        found = set()
        while met:
            low = met & -met
            number, other = self.boxes[low.bit_length() - 1]
            if number not in found and (not self.space.implied or self.space.meet(box, other) is not None):
                found.add(number)
            met ^= low
        return found

    def bits(self, number: int) -> int:
        """The boxes of an entry, as a mask."""
        return self._bits.get(number, 0)

    def exists(self, boxes: Iterable[Box], inside: Sequence[Condition], outside: Sequence[Entry]) -> Verdict:
        """Whether an incident lies in one of `boxes`, meets all of `inside` and none of `outside`."""

        def accepts(record: Record, moment: Moment) -> bool:
            return all(holds(c, record, moment) for c in inside) and not any(
                holds(entry.when, record, moment) for entry in outside
            )

        others = [box for entry in outside for box in self.of[self._numbers[id(entry)]]]
        covered = True
        for box in boxes:
            try:
                for piece in islice(self.space.uncovered(box, others), MAX_EXAMPLES):
                    covered = False
                    example = self.space.example(piece, accepts)
                    if example is not None:
                        return Verdict(example)
            except Undecided:
                covered = False
        return Verdict(covered=covered)

    def sample(self, number: int) -> Record | None:
        """An incident that the entry applies to; None if none was found."""
        entry = self.entries[number]
        for box in self.of[number]:
            example = self.space.example(box, lambda record, moment: holds(entry.when, record, moment))
            if example is not None:
                return example
        return None

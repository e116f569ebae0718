"""Which of many conditions hold for an incident, all at once: a bit for each clause, an AND for each field.

For each field and value the clauses that this value admits are a mask, worked out once and remembered. A
record is a look-up and an AND per field, however many rules there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tieline.sync.policy.calendars import Calendar
from tieline.sync.policy.clauses import Clause, clauses
from tieline.sync.policy.conditions import Atom, Condition, Moment, atom_holds
from tieline.sync.policy.fields import COMMENTS, Cell, Record

MAX_REMEMBERED: Final = 50_000
"""Values of one field whose masks are kept; beyond, they are forgotten and worked out again."""
TIMED: Final = frozenset({"older_than"})


class Matcher:
    """Conditions compiled into masks. Bit 0 is the first clause of the first condition."""

    def __init__(self, conditions: Sequence[Condition], calendars: Mapping[str, Calendar]) -> None:
        found = [(number, clause) for number, c in enumerate(conditions) for clause in clauses(c)]
        self.owners: tuple[int, ...] = tuple(number for number, _ in found)
        """The condition that each clause belongs to."""
        self.full = (1 << len(found)) - 1
        self._calendars = calendars
        self._waits = sum(
            1 << bit for bit, (_, c) in enumerate(found) if any(_depends_on_time(a) for a, _ in c)
        )
        self._all = [clause for _, clause in found]
        by_field: dict[str, list[tuple[Atom, int, int]]] = defaultdict(list)
        for atom, (wanted, unwanted) in _needs(self._all).items():
            by_field[atom.field].append((atom, self.full & ~unwanted, self.full & ~wanted))
        self._plain: list[tuple[str, dict[Cell, int], Callable[[Cell], int]]] = []
        self._timed: list[tuple[str, list[tuple[Atom, int, int]]]] = []
        for name, needs in by_field.items():
            timeless = [need for need in needs if not _depends_on_time(need[0])]
            timed = [need for need in needs if _depends_on_time(need[0])]
            if timeless:
                memo: dict[Cell, int] = {}
                self._plain.append((name, memo, self._mask_maker(timeless, memo)))
            if timed:
                self._timed.append((name, timed))

    def _mask_maker(self, needs: list[tuple[Atom, int, int]], memo: dict[Cell, int]) -> Callable[[Cell], int]:
        """What works out the mask of one value of a field; words are looked for in its lower case at once."""
        moment = Moment(_NO_TIME, self._calendars)
        one_text = needs[0][0].field != COMMENTS
        words = [(str(a.argument), yes, no) for a, yes, no in needs if one_text and a.operator == "contains"]
        others = [need for need in needs if not (one_text and need[0].operator == "contains")]

        def mask(value: Cell) -> int:
            found = self.full
            for atom, if_true, if_false in others:
                found &= if_true if atom_holds(atom, value, moment) else if_false
            text = value.lower() if isinstance(value, str) else ""
            for word, if_true, if_false in words:
                found &= if_true if word in text else if_false
            if len(memo) >= MAX_REMEMBERED:
                memo.clear()
            memo[value] = found
            return found

        return mask

    def clauses_met(self, record: Record, moment: Moment) -> int:
        """The clauses that hold, as a mask."""
        met = self.full
        get = record.get
        for name, memo, make in self._plain:
            value = get(name)
            known = memo.get(value)
            met &= make(value) if known is None else known
        return met if not self._timed or not met else self._in_time(met, record, moment)

    def _in_time(self, met: int, record: Record, moment: Moment) -> int:
        for name, needs in self._timed:
            value = moment.now if name == "now" else record.get(name)
            for atom, if_true, if_false in needs:
                if met & ~if_true or met & ~if_false:
                    met &= if_true if atom_holds(atom, value, moment) else if_false
        return met

    def met(self, record: Record, moment: Moment) -> list[int]:
        """The numbers of the conditions that hold, in order."""
        return list(dict.fromkeys(self.owners_of(self.clauses_met(record, moment))))

    def owners_of(self, mask: int) -> Iterable[int]:
        """The conditions whose clauses are in the mask, in order; one with several comes several times."""
        owners = self.owners
        while mask:
            low = mask & -mask
            yield owners[low.bit_length() - 1]
            mask ^= low

    def waiting(self, record: Record) -> list[Atom]:
        """The atoms about time of clauses that hold but for time."""
        met = self._waits
        if not met:
            return []
        for name, memo, make in self._plain:
            value = record.get(name)
            known = memo.get(value)
            met &= make(value) if known is None else known
        found: dict[Atom, None] = {}
        while met:
            low = met & -met
            clause = self._all[low.bit_length() - 1]
            found |= {atom: None for atom, _ in clause if _depends_on_time(atom)}
            met ^= low
        return list(found)


def _depends_on_time(atom: Atom) -> bool:
    return atom.operator in TIMED or atom.field == "now"


def _needs(found: Sequence[Clause]) -> dict[Atom, tuple[int, int]]:
    """For each atom the clauses that want it to hold, and those that want it not to."""
    needs: dict[Atom, Any] = {}
    for number, clause in enumerate(found):
        for atom, positive in clause:
            wanted, unwanted = needs.get(atom, (0, 0))
            bit = 1 << number
            needs[atom] = (wanted | bit, unwanted) if positive else (wanted, unwanted | bit)
    return needs


def _no_time() -> Any:
    from datetime import UTC, datetime

    return datetime(1970, 1, 1, tzinfo=UTC)


_NO_TIME: Final = _no_time()
"""Stands in where no atom asks the time."""

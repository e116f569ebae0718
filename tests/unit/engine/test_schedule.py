"""The pauses of a process that stays: jitter around the pace, growth after failures, and an end to it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tieline.sync.schedule import JITTER, LONGEST, Pace

EVERY = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(hours=12))
CHANCE = st.floats(0, 1)


@given(EVERY, CHANCE)
def test_without_failures_the_pause_is_the_pace_give_or_take_a_tenth(every: timedelta, chance: float) -> None:
    pause = Pace(every).pause(chance)
    assert abs(pause - every) <= every * JITTER + timedelta(microseconds=1)


@given(EVERY, CHANCE, st.integers(0, 100))
def test_failures_make_it_longer_up_to_an_end(every: timedelta, chance: float, failures: int) -> None:
    pace = Pace(every)
    for _ in range(failures):
        after = pace.after(ok=False)
        assert after.pause(chance) >= pace.pause(chance)
        pace = after
    assert pace.pause(chance) <= max(LONGEST, every) * (1 + JITTER) + timedelta(microseconds=1)
    assert pace.after(ok=True) == Pace(every)


def test_two_failures_are_four_times_as_long() -> None:
    pace = Pace(timedelta(minutes=1)).after(ok=False).after(ok=False)
    assert pace.pause(0.5) == timedelta(minutes=4)

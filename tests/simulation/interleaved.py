"""Lanes in turns: after every question to a side a seed says which goes on, so that it can be replayed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tieline.sync.lanes import Ended, Lanes

Answer = TypeVar("Answer")


class Interleaved(Lanes):
    """As `Lanes`, without any chance in it: threads hand one turn round, in the order that the seed says."""

    def __init__(self, waves: int, seed: int) -> None:
        super().__init__(waves)
        self._random = random.Random(seed)
        self._turns = threading.Condition()
        self._turn = -1
        self._ready: set[int] = set()
        self._resting: set[int] = set()
        self._me = threading.local()
        self.switches = 0

    def together(self, calls: Sequence[Callable[[], Answer]]) -> list[Answer | Exception]:
        """One after the other, in an order of the seed's; each hands the turn on."""
        found: dict[int, Answer | Exception] = {}
        for number in self._random.sample(range(len(calls)), len(calls)):
            try:
                found[number] = calls[number]()
            except Exception as error:
                found[number] = error
        return [found[number] for number in range(len(calls))]

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run the jobs in turns; the first failure is raised when all have ended."""
        self._ready, self._resting = set(range(len(jobs))), set()
        threads = [threading.Thread(target=self._job, args=each) for each in enumerate(jobs)]
        self._choose()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failures, self._failures = self._failures, []
        if failures:
            raise next((f for f in failures if not isinstance(f, Ended | Exception)), failures[0])

    def _job(self, number: int, job: Callable[[], None]) -> None:
        self._me.number = number
        try:
            self._await_turn(number)
            job()
        except BaseException as error:
            self._failures.append(error)
        with self._turns:
            self._ready = (self._ready | self._resting) - {number}
            self._resting = set()
            self._choose()

    @contextmanager
    def away(self) -> Iterator[None]:
        """The question is asked in our turn; with its answer the turn goes on."""
        yield
        number = getattr(self._me, "number", None)
        if number is not None:
            self._hand_on(number)

    def rest(self) -> None:
        """No turn until another lane tells that a wave has ended."""
        number = self._me.number
        self._ready.discard(number)
        self._resting.add(number)
        self._hand_on(number)

    def tell(self) -> None:
        """Those that rest may go on."""
        self._ready |= self._resting
        self._resting = set()

    def _hand_on(self, number: int) -> None:
        with self._turns:
            self._choose()
        self._await_turn(number)

    def _choose(self) -> None:
        before = self._turn
        self._turn = self._random.choice(sorted(self._ready)) if self._ready else -1
        self.switches += self._turn != before
        self._turns_changed()

    def _turns_changed(self) -> None:
        with self._turns:
            self._turns.notify_all()

    def _await_turn(self, number: int) -> None:
        with self._turns:
            # Second by second: a machine that slept, or a process that was stopped, is no lane that hangs.
            if not any(self._turns.wait_for(lambda: self._turn == number, timeout=1) for _ in range(60)):
                raise AssertionError(f"lane {number} never got its turn again: it is {self._turn}'s")
        if any(not isinstance(failure, Exception) for failure in self._failures):
            raise Ended("another lane was interrupted")

"""Lets parts of a pass go on at the same time: both sides are asked at once, and waves overlap.

The engine itself never runs twice at once: one baton goes round, and whoever asks a side lays it down until
the answer is there. So a transaction, and all that stands between two questions to a side, is undisturbed.
It decides neither what is done, nor in which order the writes of one pair are made.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from typing import Any, Final, TypeVar, cast

from tieline.connectors import parallel
from tieline.connectors.base import Connector, Side

WAVES_AT_ONCE: Final = 3
"""Waves of pairs that overlap: while one waits for a side, the next is planned. Memory grows with it."""

SWITCH_SECONDS: Final = 0.0005
"""How soon a lane that plans makes room for a thread whose answer has come: each request has several such
moments, and with Python's usual 5 ms at each a request of 50 ms took 70."""

Answer = TypeVar("Answer")


class Ended(BaseException):
    """Another lane was interrupted: this one goes no further, and settles nothing more."""


class Lanes:
    """`waves` of pairs at once at most. One lane (the default) does everything in turn, in a fixed order."""

    def __init__(self, waves: int = 1) -> None:
        self.waves = waves
        self._baton = threading.Condition(threading.Lock())
        self._mine = threading.local()
        self._failures: list[BaseException] = []

    @property
    def in_turn(self) -> bool:
        """Whether nothing happens at the same time."""
        return self.waves == 1

    @property
    def failed(self) -> bool:
        """Whether a lane has failed: no further wave is begun."""
        return bool(self._failures)

    def lend(self, sides: Mapping[Side, Connector], keeps: Callable[[], bool]) -> Mapping[Side, Connector]:
        """The sides as lanes ask them: the baton is laid down for as long as one is asked.

        Not where `keeps` says so, within a transaction: the others would wait for that, and it for them.
        """
        if self.in_turn:
            return sides
        return {side: cast("Connector", _Lent(connector, self, keeps)) for side, connector in sides.items()}

    def together(self, calls: Sequence[Callable[[], Answer]]) -> list[Answer | Exception]:
        """What came of each call, its failure among it. They ask different sides, and touch nothing else."""
        with self.away():
            return parallel.each(_tried, calls, 1 if self.in_turn else len(calls))

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run each job in a lane of its own; the first failure is raised when all have ended.

        A lane that fails lets the others finish what they have begun; one that is interrupted does not.
        """
        threads = [threading.Thread(target=copy_context().run, args=(self._lane, job)) for job in jobs]
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            for thread in threads:
                thread.start()
            _join(threads)
        except BaseException as interrupt:
            self._failures.insert(0, interrupt)
            _join(threads)
        finally:
            sys.setswitchinterval(usual)
        failures, self._failures = self._failures, []
        if failures:
            raise next((f for f in failures if not isinstance(f, Ended | Exception)), failures[0])

    def _lane(self, job: Callable[[], None]) -> None:
        try:
            with self._held():
                job()
        except BaseException as error:  # raised again by `run`, in the thread that waits for the lanes
            self._failures.append(error)
        with self._baton:
            self._baton.notify_all()

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            self._take()
            yield
        finally:
            if self._holds:
                self._lay_down()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Without the baton, if it was ours: the other lanes go on meanwhile."""
        if not self._holds:
            yield
            return
        self._lay_down()
        try:
            yield
        finally:
            self._take()

    def rest(self) -> None:
        """Wait until another lane has come to the end of a wave, or of its work."""
        self._baton.wait()
        self._check()

    def tell(self) -> None:
        """Say that a wave has ended."""
        if self._holds:
            self._baton.notify_all()

    @property
    def _holds(self) -> bool:
        return getattr(self._mine, "holds", False)

    def _take(self) -> None:
        self._baton.acquire()
        self._mine.holds = True
        self._check()

    def _lay_down(self) -> None:
        self._mine.holds = False
        self._baton.release()

    def _check(self) -> None:
        if any(not isinstance(failure, Exception) for failure in self._failures):
            raise Ended("another lane was interrupted")


class _Lent:
    """A side that is asked without the baton."""

    def __init__(self, side: Connector, lanes: Lanes, keeps: Callable[[], bool]) -> None:
        self._side, self._lanes, self._keeps = side, lanes, keeps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._side, name)
        if not callable(found):
            return found

        def ask(*args: Any, **options: Any) -> Any:
            with nullcontext() if self._keeps() else self._lanes.away():
                return found(*args, **options)

        return ask


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


def _tried(call: Callable[[], Answer]) -> Answer | Exception:
    try:
        return call()
    except Exception as error:  # raised by the caller, after it has dealt with the other side's answer
        return error

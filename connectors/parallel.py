"""Makes calls at the same time, each in the log context of who asked; it knows nothing of what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(call: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> list[Result]:
    """`call` for every item, `at_once` at the same time, results in order.

    All that has begun ends before the first failure is raised; what has not begun by then is left out.
    """
    queue = list(items)
    if len(queue) < 2 or at_once < 2:
        return [call(item) for item in queue]
    with ThreadPoolExecutor(min(at_once, len(queue))) as pool:
        # Log lines of the threads belong to the pass of the thread that asked.
        jobs = [(copy_context(), item) for item in queue]
        return list(pool.map(lambda job: job[0].run(call, job[1]), jobs))

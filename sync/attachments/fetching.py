"""Fetches the files that are about to be written, checks them, and lets go of them when they were.

What keeps a file from going across is remembered with it; it never keeps its pair from going on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tieline.connectors import parallel
from tieline.connectors.base import Attach, Attachment, other
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Unavailable,
)
from tieline.sync.aspects import part_of
from tieline.sync.attachments.aspect import PAUSES_S, FilesPart
from tieline.sync.attachments.matching import tried_again
from tieline.sync.attachments.model import Carried, Reason
from tieline.sync.attachments.scan import Verdict, scan
from tieline.sync.attachments.spool import Fetched
from tieline.sync.outcome import pause_of
from tieline.sync.work import Work, put_off

if TYPE_CHECKING:
    from tieline.sync.run import Run

SPOOL_BYTES: Final = 1_000_000_000
"""Files that lie on the way at once take no more than this, or are a single one."""
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class _Job:
    """One file that is about to be written."""

    work: Work
    part: FilesPart
    action: Attach


_Got = Fetched | Attachment | Verdict | ConnectorError
"""The content of a file; or its twin, which stands on the other side already; or what keeps it back."""


@contextmanager
def prepared(run: Run, works: Sequence[Work]) -> Iterator[list[Work]]:
    """Those of the works whose next step can be made now: the files that it wants lie in the spool."""
    jobs, able = _jobs(works)
    fetched = list(zip(jobs, _fetch_all(run, jobs), strict=True))
    try:
        denied = next((got for _, got in fetched if isinstance(got, Denied)), None)
        if denied is not None:
            raise denied
        able += [job.work for job, got in fetched if _settle(run, job, got)]
        wanted = set(map(id, able))
        yield [work for work in works if id(work) in wanted]
    finally:
        for job, got in fetched:
            if isinstance(got, Fetched):
                job.part.aspect.spool.release(got.path)


def _jobs(works: Sequence[Work]) -> tuple[list[_Job], list[Work]]:
    """The files to be fetched now, as many as the spool has room for, and the works that want none."""
    jobs: list[_Job] = []
    able, room = [], SPOOL_BYTES
    for work in works:
        action = work.steps[0].action
        part = part_of(work, action)
        if not isinstance(action, Attach) or not isinstance(part, FilesPart):
            able.append(work)
        elif not jobs or action.size <= room:
            jobs.append(_Job(work, part, action))
            room -= action.size
    return jobs, able


def _fetch_all(run: Run, jobs: Sequence[_Job]) -> list[_Got]:
    if not jobs:
        return []
    with run.lanes.away():
        return parallel.each(lambda job: _fetch(run, job), jobs, 1 if run.lanes.in_turn else AT_ONCE)


def _fetch(run: Run, job: _Job) -> _Got:
    """The content in the spool, or what keeps it from going on. Touches no state."""
    file, aspect = job.part.source(job.action), job.part.aspect
    if file is None:
        return Gone(f"{job.action.name} is not listed any more")
    try:
        got = _content(run, job, file)
    except ConnectorError as error:
        return error
    try:
        twin = _twin(run, job, got)
    except ConnectorError as error:
        aspect.spool.release(got.path)
        return error
    if twin is not None:
        aspect.spool.release(got.path)
        return replace(twin, digest=got.digest)
    if not aspect.config.scan:
        return got
    seconds = aspect.config.scan_timeout.total_seconds()
    verdict = scan(aspect.config.scan, Path(got.path), file.name, seconds)
    if verdict.kind == "clean":
        return got
    aspect.spool.release(got.path)
    return verdict


def _content(run: Run, job: _Job, file: Attachment) -> Fetched:
    """The whole content of a file, in the spool. Raises what keeps it from us."""
    spool, what = job.part.aspect.spool, f"fetching {file.name!r} of {file.ref}"
    got = spool.fetch(run.sides[file.ref.side].content(file), file.size, what)
    told = file.digest and file.digest != got.digest
    if got.size != file.size or told:
        spool.release(got.path)
        words = "its SHA-256 is another" if told else f"{got.size} of {file.size} bytes came"
        raise Unavailable(f"{what}: {words}")
    return got


def _twin(run: Run, job: _Job, got: Fetched) -> Attachment | None:
    """The very file on the other side. Once the files before it went, a copy may be known to be its own.

    A copy that no digest is told of is fetched; one that is not shown to us is nobody's twin.
    """
    found, to = job.part.found(), job.action.ref.side
    key = (other(to), job.action.origin)
    there = [file for file in job.part.files[to] if file.id == found.partners.get(key)]
    for file in (*found.twin.get(key, ()), *there):
        if (file.digest or _digest(run, job, file)) == got.digest:
            return file
    return None


def _digest(run: Run, job: _Job, copy: Attachment) -> str:
    """What the content of a copy says of it; "" where it is not shown to us."""
    try:
        got = _content(run, job, copy)
    except (Gone, Rejected):
        return ""
    job.part.aspect.spool.release(got.path)
    job.part.learn(copy, got.digest)
    return got.digest


def _settle(run: Run, job: _Job, got: _Got) -> bool:
    """Whether the file can be written now; else what became of it is remembered."""
    row = job.part.row(job.action)
    match got:
        case Fetched():
            return _made_ready(job, got)
        case Attachment(id=twin, digest=digest):  # nothing is left to do
            return _held(run, job, replace(row, state="sent", partner=twin, digest=digest))
        case Verdict(kind="refused", words=words):
            return _held(run, job, replace(row, state="refused", reason="scan", detail=words, due=None))
        case Verdict(words=words):
            return _again(run, job, row, words)
        case Rejected():
            return _held(run, job, _refused(row, "unreadable", str(got)))
        case Gone():
            job.part.set_aside(job.action)
            job.work.steps = job.work.steps[1:]
            return False
        case RateLimited():
            with run.store.transaction() as tx:
                put_off(tx, job.work, run.clock() + pause_of(got))
            run.counts["retry"] += 1
            return False
        case _:
            return _again(run, job, row, str(got))


def _made_ready(job: _Job, got: Fetched) -> bool:
    """The step with what it needs."""
    ready = replace(job.action, digest=got.digest, path=str(got.path))
    job.work.steps = [replace(job.work.steps[0], action=ready), *job.work.steps[1:]]
    return True


def _refused(row: Carried, reason: Reason, detail: str) -> Carried:
    return replace(row, state="refused", reason=reason, detail=detail, due=None)


def _again(run: Run, job: _Job, row: Carried, why: str) -> bool:
    """A transfer broke off: it is made again later, with growing pauses."""
    run.counts["retry"] += 1
    return _held(run, job, replace(tried_again(row, run.clock(), PAUSES_S), detail=why))


def _held(run: Run, job: _Job, row: Carried) -> bool:
    with run.store.transaction() as tx:
        job.part.remember(tx, [row])
    job.work.steps = job.work.steps[1:]
    return False

"""A private folder in which files lie between their two transfers; whatever becomes of the process, they go.

A file is locked for as long as it is needed: one that nobody holds was left by a process that ended, and is
removed by the next pass.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tieline.connectors.errors import StateError, Unavailable

MINIMUM_S: Final = 300.0
BYTES_A_SECOND: Final = 100_000
"""A transfer may take five minutes, and as long as its size takes at this rate."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PREFIX: Final = "file-"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Content that lies in the spool: its path, length in bytes and SHA-256 (hex digits)."""

    path: Path
    size: int
    digest: str


class Spool:
    """One folder for one process; a name of its own in it for each file, and a lock beside it."""

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._locks: dict[Path, FileLock] = {}
        self._numbers = count(time.time_ns())

    def fetch(self, content: Iterator[bytes], size: int, what: str) -> Fetched:
        """Write content down as it comes, with its digest. Unavailable for what takes far too long, or too
        much room: that is this file's trouble, and no reason to leave all others.

        StateError if the folder cannot be used. What content raises is passed on; nothing is left then.
        """
        path = self._new()
        until = self._monotonic() + MINIMUM_S + size / BYTES_A_SECOND
        digest, length = hashlib.sha256(), 0
        try:
            with path.open("wb") as file:
                for piece in content:
                    digest.update(piece)
                    length += len(piece)
                    file.write(piece)
                    if self._monotonic() > until:
                        raise Unavailable(f"{what}: the transfer came too slowly ({length} of {size} bytes)")
        except OSError as error:
            self.release(path)
            if error.errno in _NO_ROOM:
                raise Unavailable(f"{what}: there is no room for it in {self._folder}") from None
            raise StateError(f"{self._folder}: files cannot be kept there ({error.strerror})") from None
        except BaseException:
            self.release(path)
            raise
        return Fetched(path, length, digest.hexdigest())

    def release(self, path: Path) -> None:
        """The file is not needed any more."""
        lock = self._locks.pop(path, None)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        if lock is not None:
            lock.release()
            with suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)

    def clean(self) -> int:
        """Remove what processes left that ended; how many files that were."""
        removed = 0
        for path in sorted(self._folder.glob(f"{_PREFIX}*")) if self._folder.is_dir() else ():
            if path.suffix == ".lock" or path in self._locks:
                continue
            lock = FileLock(_lock_of(path), thread_local=False)
            with suppress(Timeout, OSError), lock.acquire(timeout=0):
                path.unlink(missing_ok=True)
                removed += 1
            if not path.exists():
                with suppress(OSError):
                    _lock_of(path).unlink(missing_ok=True)
        return removed

    def _new(self) -> Path:
        """A new, locked, empty file that only we can read."""
        try:
            self._make_private()
            # Locked before it is there: no other process may take it for a file that was left.
            path = self._folder / f"{_PREFIX}{os.getpid()}-{next(self._numbers)}"
            lock = FileLock(_lock_of(path), mode=0o600, thread_local=False)
            lock.acquire(timeout=0)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StateError(f"{self._folder}: files cannot be kept there ({error.strerror})") from None
        self._locks[path] = lock
        return path

    def _make_private(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.lstat()
        owner = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        if not stat.S_ISDIR(found.st_mode) or not owner:
            raise StateError(f"{self._folder} is no folder of ours: name another in [attachments] folder")
        if os.name == "posix" and stat.S_IMODE(found.st_mode) != 0o700:
            self._folder.chmod(0o700)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def spool_folder(state_url: str, configured: str, base: Path) -> Path:
    """Where files lie: as configured, else beside a state in a file, else in the system's own folder."""
    if configured:
        return (base / configured).absolute()
    prefix = "sqlite:///"
    if state_url.startswith(prefix):
        path = Path(state_url.removeprefix(prefix))
        return path.with_name(f"{path.name}.files")
    token = hashlib.sha256(state_url.encode()).hexdigest()[:12]
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"tieline-{user}-{token}"

"""How much memory one large file takes on its way across: fetched, hashed, and sent, by both real clients.

    python -m benchmarks.large_file --mb 500

A process of its own plays both systems, so that only Tieline's own memory is measured; it makes the file up
as it sends it, and hashes what it is sent without keeping it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tieline.connectors.auth import BasicAuth
from tieline.connectors.base import Applied, Attach, Attachment, Connector, Ref, Side
from tieline.connectors.http import HardenedAdapter, HttpSettings
from tieline.sync.attachments.spool import Spool

PIECE: Final = bytes(range(256)) * 256
LIMIT_MB: Final = 50
"""What a file of any size may take in memory."""


class _Systems(BaseHTTPRequestHandler):
    """Both systems, as far as one file goes."""

    protocol_version = "HTTP/1.1"
    size = 0

    def do_GET(self) -> None:
        if "/attachment/content/" in self.path:  # Jira leads to its media host: the other name of this one
            self._answer(303, b"", Location=f"http://localhost:{self.server.server_port}/media")  # type: ignore[attr-defined]
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.size))
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        left = self.size
        while left:
            piece = PIECE[: min(left, len(PIECE))]
            self.wfile.write(piece)
            left -= len(piece)

    def do_POST(self) -> None:
        left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
        total = left
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            digest.update(piece)
            left -= len(piece)
        if self.path.startswith("/api/now"):
            row = {"sys_id": "1" * 32, "size_bytes": str(total), "hash": digest.hexdigest()}
            self._answer(201, json.dumps({"result": row}).encode())
        else:
            self._answer(200, json.dumps([{"id": "10", "size": self.size}]).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _serve(size: int, port: Any) -> None:
    _Systems.size = size
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Systems)
    port.put(server.server_port)
    server.serve_forever()


@contextmanager
def served(size: int) -> Iterator[str]:
    """The address of both systems, in a process of their own, with a file of this size."""
    context = multiprocessing.get_context("spawn")
    port: Any = context.Queue()
    server = context.Process(target=_serve, args=(size, port), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{port.get(timeout=30)}"
    finally:
        server.terminate()
        server.join()


def _sides(url: str) -> dict[Side, Connector]:
    from tieline.connectors.jira import JiraConnector, JiraSettings, only_reads
    from tieline.connectors.servicenow.connector import ServiceNowConnector
    from tieline.connectors.servicenow.settings import ServiceNowSettings

    auth = BasicAuth("tieline", "none")
    settings = JiraSettings(url, "cloud", (("OPS", "Incident"),), {}, "customfield_10042", attachments=True)
    http = HttpSettings(url, timeout_s=600)
    return {
        "servicenow": ServiceNowConnector(ServiceNowSettings("incident", {}), HardenedAdapter(http), auth),
        "jira": JiraConnector(settings, auth, HardenedAdapter(http, only_reads)),
    }


def peak_mb() -> float:
    """The most memory that this process has had so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1_000_000


def carry(url: str, size: int, folder: Path) -> Iterator[tuple[str, float, float]]:
    """Carry a file both ways; what was done, the seconds it took, and the peak of memory since the start."""
    sides, spool = _sides(url), Spool(folder)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for side, across in (("servicenow", "jira"), ("jira", "servicenow")):
        started = time.monotonic()
        ref = Ref(side, "1" * 32 if side == "servicenow" else "10001")  # type: ignore[arg-type]
        target = Ref(across, "2" * 32 if across == "servicenow" else "10002")  # type: ignore[arg-type]
        file = Attachment("3" * 32 if side == "servicenow" else "20", ref, "disk.img", size, "", at)
        got = spool.fetch(sides[side].content(file), size, "the file")  # type: ignore[index]
        attach = Attach(target, file.id, file.name, size, "", got.digest, str(got.path))
        [outcome] = _write(sides[across], attach)  # type: ignore[index]
        spool.release(got.path)
        assert isinstance(outcome, Applied), outcome
        yield f"{side} to {across}", time.monotonic() - started, peak_mb()
    for connector in sides.values():
        connector.close()


def _write(connector: Any, attach: Attach) -> list[Any]:
    """One file, without what a connector asks about its fields first."""
    files = connector._files if hasattr(connector, "_files") else connector._attachments
    return [files.attach(attach)]


def main() -> int:
    """Measure, print, and fail above the limit."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--mb", type=int, default=500)
    size = asked.parse_args().mb * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        with served(1) as url:
            list(carry(url, 1, Path(folder)))  # what is loaded and made once has been
        before, worst = peak_mb(), 0.0
        with served(size) as url:
            for what, seconds, peak in carry(url, size, Path(folder) / "spool"):
                worst = max(worst, peak - before)
                extra = f"{peak - before:.1f} MB of extra memory"
                print(f"{what}: {size / 1e6:.0f} MB in {seconds:.1f} s, {extra}")
    return 0 if worst < LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())

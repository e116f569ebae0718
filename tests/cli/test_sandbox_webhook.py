"""`tieline sandbox --webhook URL` sends Jira's webhooks, signed, while it runs."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.headers["X-Hub-Signature"], body))  # type: ignore[attr-defined]
        self.server.arrived.set()  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_webhooks_arrive_and_are_signed(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    server.came, server.arrived = [], threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/jira"
    command = [
        sys.executable,
        "-m",
        "tieline.cli",
        "sandbox",
        "--dir",
        str(tmp_path),
        "--webhook",
        url,
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert server.arrived.wait(20)  # type: ignore[attr-defined]
        process.send_signal(signal.SIGINT)
        process.wait(20)
    server.shutdown()
    server.server_close()
    signature, body = server.came[0]  # type: ignore[attr-defined]
    digest = hmac.new(told["jira"]["secret"].encode(), body, hashlib.sha256).hexdigest()
    assert signature == f"sha256={digest}"
    assert json.loads(body)["webhookEvent"] == "jira:issue_created"

"""Logs as text or JSON on standard error, each line with the pass it belongs to."""

from __future__ import annotations

import logging
import sys
from typing import Any


def set_up_logs(level: str, form: str) -> None:
    """Send what `tieline` logs to standard error. `level` debug shows ticket text; nothing else does."""
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    log = logging.getLogger("tieline")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False

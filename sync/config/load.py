"""Reads the file and turns it into a `Config`, or into one error that lists every fault."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tieline.sync.config.model import Config


def load_config(path: Path) -> Config:
    """The configuration in `path`; raises `ConfigError` with every fault of the file."""
    config = Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    config._path = path
    return config

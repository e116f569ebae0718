"""TOML to frozen values: every fault of a file in one error, with its line, column and remedy.

The model of the configuration is made when it is asked for: a policy file alone does without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tieline.sync.config.faults import Fault, FaultyConfig
    from tieline.sync.config.load import load_config
    from tieline.sync.config.model import Config

__all__ = ["Config", "Fault", "FaultyConfig", "load_config"]
_WHERE = {"Config": "model", "Fault": "faults", "FaultyConfig": "faults", "load_config": "load"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)

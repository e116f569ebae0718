"""TOML to frozen values: every fault of a file in one error, with its line, column and remedy."""

from tieline.sync.config.faults import Fault, FaultyConfig
from tieline.sync.config.load import load_config
from tieline.sync.config.model import Config

__all__ = ["Config", "Fault", "FaultyConfig", "load_config"]

"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("config.toml"),
    envvar="TIELINE_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


class Pause(click.ParamType[timedelta]):
    """A length of time as people write it: 30s, 5m, 1h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The length; a usage error for anything else, and for less than a second."""
        from pydantic_core import PydanticCustomError

        from tieline.sync.config.values import parse_duration

        try:
            length = parse_duration(value)
        except PydanticCustomError:
            self.fail(f"{value!r} is no duration: write 30s, 5m or 1h", param, ctx)
        if length < timedelta(seconds=1):
            self.fail("the shortest is 1s", param, ctx)
        return length

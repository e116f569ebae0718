"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path

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

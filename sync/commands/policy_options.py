"""What the commands about a policy share: which policy is meant, and where what they print goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tieline.sync.policy.evaluate import Engine
    from tieline.sync.policy.load import Loaded

policy_argument = click.argument("policy", required=False, type=click.Path(path_type=Path, dir_okay=False))
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file instead."
)


def put(text: str, output: Path | None) -> None:
    """Print a text, or write it to the file that was named."""
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror or error}") from error


def load(policy: Path | None, config_path: Path) -> Loaded:
    """The policy of a file, or of the configuration. FaultyPolicy if it cannot be read."""
    from tieline.sync.policy.load import load_policy

    return load_policy(policy or config_path)


def engine_of(loaded: Loaded) -> Engine:
    """The policy, ready to decide."""
    from tieline.sync.policy.load import compiled

    return compiled(loaded)

"""`tieline config`: is the file right, and what may stand in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.sync.commands.options import config_option, json_option

if TYPE_CHECKING:
    from tieline.sync.config import Config, FaultyConfig

EXIT_CONFIGURATION = 2


@click.group("config")
def config() -> None:
    """Check the configuration file, or describe it.

    \b
    tieline config check
    tieline config schema
    """


@config.command()
@config_option
@json_option
@click.pass_context
def check(context: click.Context, config_path: Path, as_json: bool) -> None:
    """Say whether the file is right, or everything that is wrong with it.

    Reads the file, and the policy if it has one: no system is asked and no secret is looked up. Exits 2 if
    there is a fault. `tieline policy check` says more about the policy.

    \b
    tieline config check
    tieline config check --config staging.toml --json
    """
    from tieline.sync.config import FaultyConfig, load_config

    try:
        loaded = load_config(config_path)
    except FaultyConfig as error:
        click.echo(json.dumps(_faults(config_path, error), indent=2) if as_json else str(error))
        context.exit(EXIT_CONFIGURATION)
    problem = _policy_problem(loaded)
    if problem:
        told = {**_summary(loaded), "fine": False, "policy": problem}
        click.echo(json.dumps(told, indent=2) if as_json else problem)
        context.exit(EXIT_CONFIGURATION)
    click.echo(json.dumps(_summary(loaded), indent=2) if as_json else _sentence(loaded))


@config.command()
@click.option("--json", "_as_json", is_flag=True, help="Changes nothing: a schema is JSON.")
def schema(_as_json: bool) -> None:
    """Print the JSON Schema of the file, for editors.

    \b
    tieline config schema > tieline.schema.json
    and, as the first line of config.toml:
    #:schema ./tieline.schema.json
    """
    from tieline.sync.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _policy_problem(loaded: Config) -> str:
    """Why no pass can use the policy; "" where there is none, or nothing is wrong with it."""
    if loaded.policy is None:
        return ""
    from tieline.connectors.errors import PolicyError
    from tieline.sync.policy.load import engine_of

    try:
        engine_of(loaded)
    except PolicyError as error:
        return str(error)
    return ""


def _faults(path: Path, error: FaultyConfig) -> dict[str, Any]:
    return {"file": str(path), "fine": False, "faults": [asdict(fault) for fault in error.faults]}


def _summary(loaded: Config) -> dict[str, Any]:
    return {
        "file": str(loaded.path),
        "fine": True,
        "faults": [],
        "routes": [route.name for route in loaded.routes],
        "fields": [field.name for field in loaded.fields],
        "status": loaded.status is not None,
        "priority": loaded.priority is not None,
        "fingerprint": loaded.fingerprint(),
    }


def _sentence(loaded: Config) -> str:
    groups = [name for name in ("status", "priority") if getattr(loaded, name) is not None]
    parts = [_count(len(loaded.routes), "route"), _count(len(loaded.fields), "field"), *groups]
    return f"{loaded.path}: fine: {', '.join(parts)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

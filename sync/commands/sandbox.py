"""`tieline sandbox`: both stand-ins, served until Ctrl-C, with a configuration that works at once."""

from __future__ import annotations

import json
import shlex
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import click

from tieline.sync.commands.demo import example_configuration
from tieline.sync.commands.options import json_option
from tieline.sync.commands.session import Adapters


class Account(Protocol):
    """Where a side is served, and who may use it."""

    name: str
    url: str
    user: str
    secret: str


class Playground(Protocol):
    """Both stand-ins at work."""

    accounts: Sequence[Account]
    people: Sequence[Account]
    requests: Mapping[str, int]
    struck: Mapping[str, int]

    def write_configuration(self, template: str, folder: Path) -> Path:
        """A working configuration in `folder`."""

    def someone_works(self) -> str:
        """One person does one thing."""

    def stop(self) -> None:
        """Stop serving."""


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("sandbox"),
              show_default=True, help="Where the configuration and its secrets are written.")  # fmt: skip
@click.option(
    "--port-servicenow", type=click.IntRange(0, 65535), default=0, help="Port.  [default: any free one]"
)
@click.option("--port-jira", type=click.IntRange(0, 65535), default=0, help="Port.  [default: any free one]")
@click.option(
    "--incidents", type=click.IntRange(min=0), default=4, show_default=True, help="How many there are."
)
@click.option(
    "--busy", type=click.FloatRange(min=0.05), metavar="SECONDS", help="Somebody does something this often."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Another seed, other incidents and people."
)
@click.option("--latency", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="Seconds before each answer.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(min=1), default=64, show_default=True,
              help="Requests in work at once on each side; others wait.")  # fmt: skip
@click.option("--profile", type=click.Choice(["ordinary", "hostile"]), default="ordinary", show_default=True,
              help="A healthy pair of systems, or one with every named fault at 2 %.")  # fmt: skip
@click.option(
    "--fault", "faults", metavar="NAME=RATE", multiple=True,
    help="How often a named fault strikes (0 to 1), on both sides or SIDE:NAME=RATE; repeatable. "
    "docs/sandbox.md lists them.",
)  # fmt: skip
@click.option("--webhook", metavar="URL", default="",
              help="Send Jira's webhooks here, signed with Jira's password.")  # fmt: skip
@json_option
@click.pass_context
def sandbox(
    context: click.Context,
    folder: Path,
    port_servicenow: int,
    port_jira: int,
    incidents: int,
    busy: float | None,
    seed: int,
    latency: float,
    concurrency: int,
    profile: str,
    faults: tuple[str, ...],
    webhook: str,
    as_json: bool,
) -> None:
    """Run stand-ins of ServiceNow and Jira on this machine, until Ctrl-C.

    They answer any HTTP client. DIR gets a configuration that works at once:

    \b
    tieline sandbox                                        in one terminal
    tieline sync --initial --config sandbox/config.toml    in another
    tieline sandbox --profile hostile --fault lost-answer=0.1 --seed 7
    """
    adapters: Adapters = context.obj
    playground: Playground = adapters.playground(
        ports=(port_servicenow, port_jira), seed=seed, latency=latency, concurrency=concurrency,
        incidents=incidents, profile=profile, troubles=faults, webhook=webhook,
    )  # fmt: skip
    try:
        ended = _interruption()
        config_path = playground.write_configuration(example_configuration(), folder)
        _announce(playground, config_path, as_json)
        _serve(playground, busy, as_json, ended)
    finally:
        playground.stop()


def _announce(playground: Playground, config_path: Path, as_json: bool) -> None:
    if as_json:
        accounts = {
            account.name.lower(): {"url": account.url, "user": account.user, "secret": account.secret}
            for account in playground.accounts
        }
        click.echo(json.dumps({"config": str(config_path), **accounts}))
        return
    for account in playground.accounts:
        click.echo(f"{account.name:<12}{account.url}   user {account.user}   password {account.secret}")
    servicenow, jira = playground.people
    click.echo(
        f"By hand, as a person: {servicenow.user} and {jira.user}, password {jira.secret} on both sides"
    )
    click.echo(f"Configuration: {config_path}")
    click.echo(f"Try:           tieline plan --config {config_path}")
    click.echo(f"               tieline sync --initial --config {config_path}")
    click.echo("Or make a configuration of your own, in another folder or in this one:")
    click.echo(f"  {_init_command(playground, config_path.parent)}")
    click.echo("Ctrl-C ends it; what is in it is gone then.")


def _init_command(playground: Playground, folder: Path) -> str:
    """What writes a configuration from what the stand-ins tell; secrets are named, not said."""
    servicenow, jira = playground.accounts
    secrets = [f"file:{folder.absolute() / name}.secret" for name in ("servicenow", "jira")]
    arguments = [
        "init", "--servicenow-url", servicenow.url, "--servicenow-user", servicenow.user,
        "--servicenow-password", secrets[0], "--jira-url", jira.url, "--jira-user", jira.user,
        "--jira-token", secrets[1], "--yes",
    ]  # fmt: skip
    return shlex.join(["tieline", *arguments])


def _interruption() -> threading.Event:
    """Set when somebody ends the program."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended


def _serve(playground: Playground, busy: float | None, as_json: bool, ended: threading.Event) -> None:
    while not ended.wait(busy):
        done = playground.someone_works()
        if not as_json:
            click.echo(done)
    if not as_json:
        click.echo(f"\n{sum(playground.requests.values())} requests were answered:")
        for operation, count in playground.requests.items():
            click.echo(f"{count:>8}  {operation}")
        for name, count in playground.struck.items():
            click.echo(f"{count:>8}  times {name}")

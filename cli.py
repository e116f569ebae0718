"""The command line: the root command, the wiring of adapters, exit codes. The only composition root.

Exit codes: 0 in step, 1 failed, 2 usage or configuration, 3 finished but something needs a person.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from tieline.sync.commands.catalog import LazyGroup

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tieline.connectors.base import Connector, Side
    from tieline.connectors.errors import TielineError
    from tieline.connectors.http import HardenedAdapter, HttpSettings
    from tieline.connectors.metadata import Inspector
    from tieline.connectors.sandbox.theatre import Theatre
    from tieline.sync.asked import Also
    from tieline.sync.config import Config
    from tieline.sync.config.sides import Jira, ServiceNow


class Adapters:
    """Makes the adapters that commands work with; `tieline.sync` knows only what they promise."""

    @contextmanager
    def connect(
        self,
        config: Config,
        clock: Any = None,
        meters: dict[Side, Any] | None = None,
        also: Also = None,
    ) -> Iterator[dict[Side, Connector]]:
        """Both sides of a configuration, closed at the end. Reads the secrets. ConfigError if one is missing.

        `meters` is filled with what counts each side's requests; `also` names fields that are read beyond
        the mirrored ones.
        """
        from tieline.connectors.jira import JiraConnector, only_reads
        from tieline.connectors.servicenow.connector import ServiceNowConnector
        from tieline.connectors.servicenow.tables import tables_of

        timing = _timing(clock)
        folder = config.path.parent
        certificates = _certificates(config.servicenow, config.jira, folder)
        snow = _adapter(_http(config, config.servicenow.url, certificates[0]), None, timing)
        jira = _adapter(_http(config, config.jira.requests_url, certificates[1]), only_reads, timing)
        if meters is not None:
            meters["servicenow"], meters["jira"] = snow.meter, jira.meter
        signed = _signing_in(config.servicenow.auth, folder, snow, timing)
        sides: dict[Side, Connector] = {
            "servicenow": tables_of(
                {
                    table: ServiceNowConnector(_servicenow(config, table, also), snow, signed, timing)
                    for table in config.tables
                }
            ),
            "jira": JiraConnector(
                _jira(config, also), _auth(config, config.jira.auth, timing), jira, timing.now
            ),
        }
        try:
            yield sides
        finally:
            for side in sides.values():
                side.close()

    @contextmanager
    def inspect(
        self, servicenow: ServiceNow, jira: Jira, folder: Path, timeout_s: float = 60.0
    ) -> Iterator[dict[Side, Inspector]]:
        """What reads both sides' metadata. Reads the secrets; relative files lie in `folder`."""
        from tieline.connectors.http import HttpSettings
        from tieline.connectors.jira import JiraSettings, only_reads
        from tieline.connectors.jira.metadata import JiraInspector
        from tieline.connectors.servicenow.metadata import ServiceNowInspector

        timing = _timing(None)
        certificates = _certificates(servicenow, jira, folder)
        snow, site = (
            _adapter(HttpSettings(url, timeout_s=timeout_s, attempts=3, client_cert=cert), safe, timing)
            for url, safe, cert in (
                (servicenow.url, None, certificates[0]),
                (jira.requests_url, only_reads, certificates[1]),
            )
        )
        secrets = (
            _signing_in(servicenow.auth, folder, snow, timing),
            _credentials(jira.auth, folder, timing),
        )
        settings = JiraSettings(
            url=jira.url, api_url=jira.requests_url, deployment=jira.deployment, places=(), fields={},
            marker="labels",
        )  # fmt: skip
        sides: dict[Side, Inspector] = {
            "servicenow": ServiceNowInspector(snow, secrets[0], timing),
            "jira": JiraInspector(settings, secrets[1], site, clock=timing.now),
        }
        try:
            yield sides
        finally:
            for side in sides.values():
                side.close()

    def jira_deployment(self, url: str) -> str:
        """Which Jira answers there: "cloud", "datacenter", "" if it does not tell."""
        from tieline.connectors.http import HttpSettings
        from tieline.connectors.jira.outside import deployment_of

        return deployment_of(_adapter(HttpSettings(url, attempts=2), None, _timing(None)))

    def theatre(
        self, template: str, log: Path | None, *, seed: int, incidents: int | None, related: bool = False
    ) -> Theatre:
        """What the demo plays: scripted days, or the replay of an incident event log."""
        from tieline.connectors.sandbox import theatre

        if log is None:
            return theatre.story(template, seed=seed, incidents=incidents)
        return theatre.log(template, log, seed=seed, incidents=incidents, related=related)

    def playground(self, **settings: Any) -> Any:
        """Both stand-ins on the machine's clock, with a few incidents to try things on."""
        from tieline.connectors.sandbox.playground import Playground

        return Playground(**settings)


def _timing(clock: Any) -> Any:
    from tieline.connectors.http import Timing

    return Timing() if clock is None else Timing(now=clock)


def _http(config: Config, url: str, client_cert: Any = None) -> HttpSettings:
    from tieline.connectors.http import HttpSettings

    return HttpSettings(
        base_url=url,
        timeout_s=config.limits.timeout.total_seconds(),
        concurrency=config.limits.concurrency,
        client_cert=client_cert,
    )


def _adapter(settings: HttpSettings, safe: Any, timing: Any) -> HardenedAdapter:
    from tieline.connectors.http import HardenedAdapter, is_read

    return HardenedAdapter(settings, safe or is_read, timing)


def _auth(config: Config, auth: Any, timing: Any = None) -> Any:
    return _credentials(auth, config.path.parent, timing)


def _credentials(auth: Any, folder: Path, timing: Any = None) -> Any:
    """What signs requests, or what it is made from; relative files lie in `folder`."""
    from tieline.connectors.auth import BasicAuth, BearerAuth
    from tieline.sync.secrets import read_secret

    match auth.kind:
        case "basic":
            return BasicAuth(auth.user, read_secret(auth.password, folder))
        case "token":
            return BasicAuth(auth.user, read_secret(auth.token, folder))
        case "oauth":
            return _renewing(auth, folder, timing or _timing(None))
        case _:
            return BearerAuth(read_secret(auth.token, folder))


def _certificates(servicenow: ServiceNow, jira: Jira, folder: Path) -> tuple[Any, Any]:
    """The files of each side's client certificate: one with both halves, or certificate and key, or None."""

    def files(certificate: str | None, key: str | None) -> Any:
        if certificate is None:
            return None
        return str(folder / certificate) if key is None else (str(folder / certificate), str(folder / key))

    auth = servicenow.auth
    ours = files(auth.certificate, auth.key) if auth.kind == "certificate" else None
    return ours, files(jira.certificate, jira.key)


def _signing_in(auth: Any, folder: Path, adapter: HardenedAdapter, timing: Any) -> Any:
    """What signs requests to ServiceNow; OAuth asks for its tokens through `adapter`."""
    from tieline.connectors.auth import BasicAuth, CertificateAuth, KeyAuth
    from tieline.connectors.oauth import Renewing, TokenFile
    from tieline.connectors.servicenow import signin
    from tieline.sync.secrets import read_secret

    match auth.kind:
        case "basic":
            return BasicAuth(auth.user, read_secret(auth.password, folder))
        case "api_key":
            return KeyAuth("x-sn-apikey", read_secret(auth.api_key, folder))
        case "certificate":
            return CertificateAuth()
    client = auth.client_id, read_secret(auth.client_secret, folder)
    match auth.kind:
        case "oauth_password":
            password = read_secret(auth.password, folder)
            grant = signin.password_grant(adapter, client, auth.user, password, timing.now)
            return Renewing(grant, now=timing.now)
        case "oauth_refresh":
            first = read_secret(auth.refresh_token, folder)
            kept = TokenFile(folder / auth.tokens, first)
            return Renewing(signin.refresh_grant(adapter, client, timing.now), first, kept, timing.now)
        case _:
            return Renewing(signin.client_grant(adapter, client, timing.now), now=timing.now)


def _renewing(auth: Any, folder: Path, timing: Any) -> Any:
    from tieline.connectors.http import HttpSettings
    from tieline.connectors.oauth import Renewing, TokenFile, refresh_grant
    from tieline.sync.secrets import read_secret

    adapter = _adapter(HttpSettings(auth.token_url), None, timing)
    secret, first = (read_secret(ref, folder) for ref in (auth.client_secret, auth.refresh_token))
    grant = refresh_grant(adapter, auth.token_url, auth.client_id, secret, timing.now)
    return Renewing(grant, first, TokenFile(folder / auth.tokens, first), timing.now)


def _servicenow(config: Config, table: str, also: Also = None) -> Any:
    """How one table is used."""
    from tieline.connectors.servicenow.settings import ServiceNowSettings
    from tieline.sync import asked
    from tieline.sync.links.relations import kind_of

    kind = kind_of(table)
    return ServiceNowSettings(
        table=table,
        fields=asked.of_table(config, table, also),
        watched=asked.watched(config, "servicenow") if kind == "incident" else {},
        ties={} if config.links is None else config.links.columns(kind),
        marker=config.servicenow.marker,
        link=config.servicenow.link,
        overlap=config.servicenow.overlap,
    )


def _said(config: Config) -> dict[str, Any]:
    """How comments are read and written in Jira."""
    if config.comments is None:
        return {}
    shown_to = config.comments.visibility
    return {
        "comments": True,
        "restriction": None if shown_to is None else (shown_to.type, shown_to.name),
        "unrestricted_public": config.comments.unrestricted == "public",
    }


def _jira(config: Config, also: Also = None) -> Any:
    from tieline.connectors.jira import JiraSettings
    from tieline.sync import asked

    return JiraSettings(
        url=config.jira.url,
        api_url=config.jira.requests_url,
        deployment=config.jira.deployment,
        places=tuple((route.jira.project, route.jira.issue_type) for route in config.routes),
        fields=asked.of_jira(config, also),
        ties=frozenset() if config.links is None else config.links.link_types(),
        **_said(config),
        marker=config.jira.marker,
        overlap=config.jira.overlap,
        concurrency=config.limits.concurrency,
        attachments=config.attachments is not None,
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tieline", message="tieline %(version)s")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    envvar="TIELINE_LOG_LEVEL",
    help="How much to log. Text of tickets appears at debug only.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="TIELINE_LOG_FORMAT",
    help="How to log, to standard error.",
)
@click.pass_context
def root(context: click.Context, log_level: str, log_format: str) -> None:
    """Keep ServiceNow incidents and Jira issues in step, both ways.

    \b
    Try it:        tieline demo
    Look first:    tieline plan
    Run one pass:  tieline sync

    Exit codes: 0 in step, 1 failed, 2 usage or configuration, 3 finished but something needs a person.
    """
    context.obj = Adapters()
    if os.environ.get("NO_COLOR"):
        context.color = False
    if log_level != "warning" or log_format != "text":
        from tieline.sync.logs import set_up_logs

        set_up_logs(log_level, log_format)


def now() -> datetime:
    """The machine's clock, UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC)


def main() -> None:
    """Run the command line; a person's mistake ends in a sentence, never in a traceback.

    Errors go to standard error; with --json they stand on standard output as well: `{"error": ...}`.
    """
    from tieline.connectors.errors import TielineError

    # Looking for plugins in everything that is installed takes a tenth of a short command; there are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = root.main(prog_name="tieline", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = _ended(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _let_end()
        text = "Interrupted. Nothing is lost: the next pass goes on where this one stopped."
        click.echo(text, err=True)
        code = _ended(text, 1)
    except TielineError as error:
        text, code = _explained(error)
        click.echo(text, err=True)
        _ended(text, code)
    except OSError as error:
        click.echo(f"{error.filename or 'standard output'}: {error.strerror or error}", err=True)
        _let_go_of_output()
        code = 1
    except SystemExit:  # click's way out when nobody reads on: `tieline plan | head`
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _let_end() -> None:
    """Writes that are under way may end; a second Ctrl-C in that moment would only print a traceback."""
    import signal

    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _let_go_of_output() -> None:
    """What is still to be printed goes nowhere: printing it may be what failed."""
    import os

    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.__stdout__.fileno() if sys.__stdout__ is not None else 1)


def _explained(error: TielineError) -> tuple[str, int]:
    """What to tell a person about an error, and the exit code."""
    from tieline.connectors.errors import ConfigError, ConnectorError, PolicyError, StateError
    from tieline.sync.explain import advice

    match error:
        case ConfigError() | PolicyError() | StateError():
            return f"{error}", 2
        case ConnectorError():
            return f"{error}\n{advice(error)}", 1
        case _:
            return f"{error}", 1


def _ended(text: str, code: int) -> int:
    """Tell machines as well, where they were to be told; the exit code."""
    if "--json" in sys.argv[1:]:
        import json

        click.echo(json.dumps({"error": text}))
    return code


if __name__ == "__main__":
    main()

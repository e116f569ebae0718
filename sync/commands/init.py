"""`tieline init`: a configuration from what both systems tell about themselves."""

from __future__ import annotations

import ipaddress
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import json_option
from tieline.sync.commands.session import Adapters, utc_now

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tieline.connectors.metadata import PlaceName
    from tieline.sync.config.sides import Jira, ServiceNow
    from tieline.sync.secrets import SecretRef
    from tieline.sync.setup.proposal import Proposal

Deployment = Literal["cloud", "datacenter"]
T = TypeVar("T", bound="BaseModel")
SHOWN_PLACES: Final = 15


@dataclass
class Asked:
    """What the options say; what is missing is asked for where a person is there to answer."""

    folder: Path
    yes: bool
    force: bool
    given: dict[str, str | None]
    kept: list[Path] = field(default_factory=list)

    def get(self, name: str, question: str, default: str | None = None, hint: str = "") -> str:
        """The option's value, else the answer to `question`. UsageError where nobody can be asked."""
        value = self.given.get(name)
        if value:
            return value
        if self.silent and default is not None:
            return default
        if self.silent:
            raise click.UsageError(f"--{name} is missing{hint}")
        return str(click.prompt(question, default=default))

    @property
    def silent(self) -> bool:
        """Whether nobody is to be asked."""
        return self.yes or not sys.stdin.isatty()

    def secret(self, name: str, what: str, file: str) -> SecretRef:
        """A reference to a secret; one that is typed in goes into a private file beside the configuration."""
        from tieline.sync.setup.credentials import keep_secret, reference

        value = self.given.get(name)
        if value:
            return reference(value, f"--{name}")
        if self.silent:
            raise click.UsageError(f"--{name} is missing: env:NAME, file:PATH or keyring:SERVICE/USER")
        said = click.prompt(
            f"{what}: env:NAME, file:PATH, keyring:SERVICE/USER, or Enter to type it now", default="",
            show_default=False,
        )  # fmt: skip
        if said:
            return reference(said, what)
        typed = click.prompt(
            f"{what} (goes into {self.folder / file}, readable by you only)", hide_input=True
        )
        self.kept.append(self.folder / file)
        return keep_secret(self.folder, file, typed, replace=self.force)

    def forget(self) -> None:
        """Remove the secrets that were typed in for a configuration that did not come about."""
        for path in self.kept:
            path.unlink(missing_ok=True)


@click.command()
@click.option("--servicenow-url", metavar="URL", help="Address of the ServiceNow instance.")
@click.option("--servicenow-user", metavar="NAME", help="The account's user name there.")
@click.option("--servicenow-password", metavar="REF", help="Where its password is: env:NAME, file:PATH, ...")
@click.option("--table", default="incident", show_default=True, help="ServiceNow's table.")
@click.option("--jira-url", metavar="URL", help="Address of the Jira site.")
@click.option(
    "--deployment", type=click.Choice(["cloud", "datacenter"]), help="Which Jira.  [default: asked]"
)
@click.option("--jira-user", metavar="NAME", help="E-mail address (Cloud) or user name (Data Center).")
@click.option("--jira-token", metavar="REF", help="Where its API token, access token or password is.")
@click.option("--project", metavar="KEY", help="Jira's project.")
@click.option("--issue-type", metavar="NAME", help="Jira's issue type.")
@click.option("--marker", metavar="FIELD", help="Jira's field for marks, or labels.  [default: by its name]")
@click.option("--installation", metavar="NAME", help="Stands in every marker.  [default: ServiceNow's host]")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Go-live day (UTC).  [default: today]")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("config.toml"),
              show_default=True, help="The file to write.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take what fits best.")
@json_option
@click.pass_context
def init(
    context: click.Context, /, output: Path, force: bool, yes: bool, as_json: bool, **given: Any
) -> None:
    """Write a configuration from what both systems tell: routes, fields, values, statuses.

    Nothing is written to either system. Credentials are kept as references only.

    \b
    tieline init
    tieline init --servicenow-url https://acme.service-now.com --servicenow-user tieline \\
        --servicenow-password env:SN_PASSWORD --jira-url https://acme.atlassian.net \\
        --jira-user tieline@acme.example --jira-token env:JIRA_TOKEN --project OPS --issue-type Incident --yes
    """
    if output.exists() and not force:
        raise ConfigError(
            f"{output} exists already: give --force to replace it, or --output for another file"
        )
    if not output.parent.is_dir():
        raise ConfigError(f"there is no folder {output.parent}: make it first")
    adapters: Adapters = context.obj
    since: date = given.pop("since").date() if given.get("since") else utc_now().date()
    options = {name.replace("_", "-"): value for name, value in given.items() if value}
    asked = Asked(output.parent, yes or as_json, force, options)
    try:
        servicenow, jira = _servicenow(asked), _jira(asked, adapters)
        text, proposal = _compose(adapters, asked, servicenow, jira, since)
        if not asked.silent:
            click.echo(summary(proposal))
            click.confirm(f"Write {output}?", default=True, abort=True)
        _write(output, text)
    except BaseException:
        asked.forget()
        raise
    _report(output, proposal, as_json, shown=not asked.silent)


def _servicenow(asked: Asked) -> ServiceNow:
    from tieline.sync.config.sides import ServiceNow

    url = asked.get("servicenow-url", "ServiceNow's address, e.g. https://acme.service-now.com")
    user = asked.get("servicenow-user", "User name of the account in ServiceNow")
    password = asked.secret("servicenow-password", "Its password", "servicenow.secret")
    auth = {"kind": "basic", "user": user, "password": password}
    return _valid(ServiceNow, {"url": _with_scheme(url), "auth": auth})


def _jira(asked: Asked, adapters: Adapters) -> Jira:
    from tieline.sync.config.sides import Jira

    url = _with_scheme(asked.get("jira-url", "Jira's address, e.g. https://acme.atlassian.net"))
    deployment = _deployment(asked, adapters, url)
    auth: dict[str, object]
    if deployment == "cloud":
        user = asked.get("jira-user", "E-mail address of the account in Jira")
        auth = {
            "kind": "token",
            "user": user,
            "token": asked.secret("jira-token", "Its API token", "jira.secret"),
        }
    else:
        named = asked.get("jira-user", "User name in Jira (empty: sign in by personal access token)", "")
        secret = asked.secret("jira-token", "Its password" if named else "The access token", "jira.secret")
        auth = (
            {"kind": "basic", "user": named, "password": secret}
            if named
            else {"kind": "pat", "token": secret}
        )
    marker = asked.given.get("marker") or "labels"
    return _valid(Jira, {"url": url, "deployment": deployment, "auth": auth, "marker": marker})


def _deployment(asked: Asked, adapters: Adapters, url: str) -> Deployment:
    said = asked.given.get("deployment")
    if not said:
        host = urlsplit(url).hostname or ""
        said = "cloud" if host.endswith(".atlassian.net") else adapters.jira_deployment(url)
    if not said:
        hint = f": {url} does not tell; cloud or datacenter"
        said = asked.get("deployment", "Is this Jira cloud or datacenter?", hint=hint)
    return cast(Deployment, said)


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"https://{url}"


def _valid(table: type[T], values: dict[str, object]) -> T:
    """The table of the configuration, or a ConfigError that names what is wrong with it."""
    from pydantic import ValidationError

    try:
        return table.model_validate(values)
    except ValidationError as error:
        faults = [
            (".".join(map(str, e["loc"])), e["msg"], e.get("ctx", {}).get("remedy", ""))
            for e in error.errors()
        ]
        words = "; ".join(f"{where}: {what}" + (f" -> {do}" if do else "") for where, what, do in faults)
        raise ConfigError(words) from None


def _compose(
    adapters: Adapters, asked: Asked, servicenow: ServiceNow, jira: Jira, since: date
) -> tuple[str, Proposal]:
    """The file's text and what it says, from what both systems tell."""
    from tieline.sync.setup.proposal import propose
    from tieline.sync.setup.render import Start, render

    with adapters.inspect(servicenow, jira, asked.folder) as sides:
        for side in sides.values():
            side.site()
        place = _place(asked, sides["jira"].places)
        ours = sides["servicenow"].place(asked.given.get("table") or "incident", ("short_description",))
        theirs = sides["jira"].place(place)
    proposal = propose(ours, theirs, asked.given.get("marker") or "")
    installation = asked.given.get("installation") or _installation(servicenow.url)
    route = re.sub(r"[^a-z0-9_-]", "-", proposal.project.lower())[:30]
    return render(Start(installation, route, servicenow, jira, since), proposal), proposal


def _installation(url: str) -> str:
    """What stands in markers, unless a person says otherwise: the instance's name."""
    host = urlsplit(url).hostname or "local"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return re.sub(r"[^A-Za-z0-9_-]", "-", host.partition(".")[0])[:30].strip("-_") or "local"
    return "local"


def _place(asked: Asked, places: Any) -> str:
    """Project and issue type: as given, else chosen from those that Jira shows."""
    from tieline.sync.setup.proposal import rank_places

    project, issue_type = asked.given.get("project"), asked.given.get("issue-type")
    if project and issue_type:
        return f"{project}/{issue_type}"
    ranked = [
        each
        for each in rank_places(places())
        if project in (None, each.place.partition("/")[0])
        and issue_type in (None, each.place.partition("/")[2])
    ]
    if not ranked:
        raise ConfigError(
            "Jira shows this account no such project and issue type: "
            "check --project, --issue-type and the account's rights"
        )
    return ranked[0].place if asked.silent or len(ranked) == 1 else _chosen(ranked)


def _chosen(ranked: Sequence[PlaceName]) -> str:
    shown = ranked[:SHOWN_PLACES]
    for number, each in enumerate(shown, 1):
        click.echo(f"{number:>3}  {each.place}  ({each.label})")
    number = click.prompt("Which one mirrors incidents?", type=click.IntRange(1, len(shown)), default=1)
    return shown[number - 1].place


def summary(proposal: Proposal) -> str:
    """What is mapped to what, and what is left to a person."""
    lines = [f"route   {proposal.table} <-> {proposal.project}, {proposal.issue_type}",
             f"marker  {proposal.marker}"]  # fmt: skip
    for each in proposal.fields:
        values = f", {len(each.lines)} lines of values" if each.lines else ""
        lines.append(f"field   {each.name}: {each.servicenow} <-> {each.jira} ({each.kind}{values})")
    if proposal.status is not None:
        for line in proposal.status.lines:
            guess = "   (guess)" if line.guess else ""
            lines.append(f"status  {', '.join(line.servicenow)} <-> {', '.join(line.jira)}{guess}")
    if proposal.priority is not None:
        joined = "; ".join(
            f"{', '.join(e.servicenow)} <-> {', '.join(e.jira)}" for e in proposal.priority.lines
        )
        lines.append(f"priority  {joined}")
    lines += [f"look at: {gap.what}\n         {gap.remedy}" for gap in proposal.gaps]
    return "\n".join(lines)


def _write(output: Path, text: str) -> None:
    """Write the file once it is proven right; what was there before stays until then."""
    from tieline.sync.config import FaultyConfig, load_config

    draft = output.with_name(f".{output.name}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        load_config(draft)
    except FaultyConfig as error:
        draft.replace(output.with_name(f"{output.name}.draft"))
        raise ConfigError(
            f"what the systems told does not make a right configuration; it is in {output}.draft:\n{error}"
        ) from None
    except OSError as error:
        raise ConfigError(f"{output}: {error.strerror}") from None
    draft.replace(output)


def _report(output: Path, proposal: Proposal, as_json: bool, *, shown: bool) -> None:
    if as_json:
        found = {
            "config": str(output),
            "table": proposal.table,
            "place": f"{proposal.project}/{proposal.issue_type}",
            "marker": proposal.marker,
            "fields": [
                {"name": f.name, "kind": f.kind, "servicenow": f.servicenow, "jira": f.jira}
                for f in proposal.fields
            ],
            "gaps": [{"what": gap.what, "remedy": gap.remedy} for gap in proposal.gaps],
        }
        click.echo(json.dumps(found, indent=2))
        return
    if not shown:
        click.echo(summary(proposal))
    click.echo(f"Wrote {output}. Read its maps, then: {_next(output)}")


def _next(output: Path) -> str:
    return "tieline doctor" + ("" if output == Path("config.toml") else f" --config {output}")

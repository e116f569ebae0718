"""`tieline doctor`: does the configuration fit the live systems, and may we do what it asks for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.session import EXIT_FAILED, EXIT_PERSON, Adapters, progress_bar

if TYPE_CHECKING:
    from tieline.sync.setup.doctor import Report
    from tieline.sync.setup.findings import Finding

COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}


@click.command()
@config_option
@click.option(
    "--explain", metavar="CODE", help="Say what a code means and what to do, without asking anybody."
)
@json_option
@click.pass_context
def doctor(context: click.Context, config_path: Path, explain: str | None, as_json: bool) -> None:
    """Check reach, rights, fields, values, workflow and clocks against both live systems.

    Nothing is written. Exits 0 if all is well, 1 for an error (it will not work), 3 for a warning (a person
    should look). All codes: docs/doctor.md.

    \b
    tieline doctor
    tieline doctor --explain TD023
    """
    from tieline.sync.config import load_config
    from tieline.sync.setup.doctor import Report, examine
    from tieline.sync.setup.findings import Finding, worst

    if explain:
        click.echo(_explanation(explain.upper(), as_json))
        return
    adapters: Adapters = context.obj
    config = load_config(config_path)
    timeout = config.limits.timeout.total_seconds()
    try:
        with (
            adapters.inspect(config.servicenow, config.jira, config.path.parent, timeout) as sides,
            progress_bar(not as_json) as progress,
        ):
            report = examine(config, sides, progress)
    except ConfigError as error:
        report = Report((), (Finding("TD004", "auth", str(error)),))
    click.echo(json.dumps(_json(report), indent=2) if as_json else _text(report))
    weight = worst(report.findings)
    if weight in ("error", "warning"):
        context.exit(EXIT_FAILED if weight == "error" else EXIT_PERSON)


def _explanation(code: str, as_json: bool) -> str:
    from tieline.sync.setup.findings import KINDS

    kind = KINDS.get(code)
    if kind is None:
        raise ConfigError(f"there is no code {code}: they go from {min(KINDS)} to {max(KINDS)}")
    if as_json:
        return json.dumps(asdict(kind), indent=2)
    return f"{kind.code} ({kind.severity}): {kind.title}\n  {kind.meaning}\n  {kind.remedy}"


def _json(report: Report) -> dict[str, Any]:
    findings = [
        {
            "code": finding.code,
            "severity": finding.severity,
            "title": finding.kind.title,
            "where": finding.where,
            "what": finding.what,
            "meaning": finding.kind.meaning,
            "remedy": finding.kind.remedy,
        }
        for finding in report.findings
    ]
    return {"facts": list(report.facts), "findings": findings}


def _text(report: Report) -> str:
    lines = [*report.facts]
    for severity in ("error", "warning", "note"):
        for finding in report.findings:
            if finding.severity == severity:
                lines += ["", *_shown(finding)]
    counts = {s: sum(f.severity == s for f in report.findings) for s in ("error", "warning", "note")}
    parts = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count]
    end = "Fit to go live: tieline plan" if not counts["error"] + counts["warning"] else "See above"
    return "\n".join([*lines, "", f"{', '.join(parts) or 'Nothing found'}. {end}"])


def _shown(finding: Finding) -> list[str]:
    head = click.style(f"{finding.code} {finding.severity}", fg=COLOURS[finding.severity])
    kind = finding.kind
    return [
        f"{head}: {kind.title}: {finding.where}: {finding.what}",
        f"  {kind.meaning}",
        f"  -> {kind.remedy}",
    ]

"""`tieline policy`: check, test and explain it. What one would make of many incidents: `policy_effects`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.connectors.errors import PolicyError
from tieline.sync.commands.options import config_option, json_option
from tieline.sync.commands.policy_effects import diff, simulate
from tieline.sync.commands.policy_options import engine_of, load, output_option, policy_argument, put
from tieline.sync.commands.session import EXIT_FAILED, utc_now

if TYPE_CHECKING:
    from tieline.sync.config.faults import Fault
    from tieline.sync.policy.load import Loaded
    from tieline.sync.policy.snapshot import Snapshot

EXIT_UNREADABLE = 2

format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif", "junit", "github"]), default="text",
    show_default=True, help="How to print what was found.",
)  # fmt: skip


@click.group("policy")
def policy() -> None:
    """Check, test and explain the policy, and show what a change of it would do.

    POLICY is a policy file. Without it, the [policy] of the configuration is meant.
    """


@policy.command()
@policy_argument
@config_option
@format_option
@output_option
@click.option("--strict", is_flag=True, help="Fail for remarks as well, not for errors and warnings only.")
@click.option("--select", metavar="CODES", default="", help="Look for these codes only, such as TL004,TL01.")
@click.option("--ignore", metavar="CODES", default="", help="Leave these codes out.")
@click.option("--metadata", type=click.Path(path_type=Path, dir_okay=False),
              help="What `tieline metadata pull` kept; the policy's own setting without it.")  # fmt: skip
@click.pass_context
def check(
    context: click.Context,
    policy: Path | None,
    config_path: Path,
    form: str,
    output: Path | None,
    strict: bool,
    select: str,
    ignore: str,
    metadata: Path | None,
) -> None:
    """Say what is wrong with the policy, or would go wrong; ask no system.

    Exits 0 if there is nothing to say, 1 if there are findings, 2 if the policy cannot be read.

    \b
    tieline policy check
    tieline policy check policy.toml --strict --format github
    tieline policy check --ignore TL017 --format sarif -o policy.sarif
    """
    from tieline.sync.config import FaultyConfig
    from tieline.sync.policy.check import check as look
    from tieline.sync.policy.load import FaultyPolicy, load_policy
    from tieline.sync.policy.report import FORMATS

    for codes in (select, ignore):
        _known_codes(codes)
    try:
        loaded = load_policy(policy or config_path)
    except (FaultyPolicy, FaultyConfig) as error:
        if form == "text":
            raise
        put(_faults(error.faults, form), output)
        context.exit(EXIT_UNREADABLE)
    report = look(loaded, _snapshot(loaded, metadata), _codes(select), _codes(ignore))
    put(FORMATS[form](report), output)
    if report.counting(strict):
        context.exit(EXIT_FAILED)


def _codes(text: str) -> Sequence[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def _known_codes(text: str) -> None:
    if not text:
        return
    from tieline.sync.policy.pages import PAGES

    for code in _codes(text):
        if not any(known.startswith(code) for known in PAGES):
            raise click.UsageError(f"{code!r} begins no code; `tieline policy rule` lists them")


def _snapshot(loaded: Loaded, given: Path | None) -> Snapshot | None:
    from tieline.sync.policy.snapshot import read_snapshot

    path = given or loaded.metadata
    return None if path is None else read_snapshot(path)


def _faults(faults: Sequence[Fault], form: str) -> str:
    """A policy that cannot be read, for machines."""
    from tieline.sync.policy.findings import Finding, Report
    from tieline.sync.policy.model import Spot
    from tieline.sync.policy.report import FORMATS, UNREADABLE, annotation

    if form == "json":
        return json.dumps({"readable": False, "faults": [asdict(fault) for fault in faults]}, indent=2)
    spots = [(Spot(f.file, f.line, f.column), f) for f in faults]
    if form == "github":
        return "\n".join(annotation("error", spot, "unreadable", str(fault)) for spot, fault in spots)
    found = [
        Finding(
            UNREADABLE,
            "error",
            spot,
            f"{f.key}: {f.what} {f.value}".removeprefix(": ").strip(),
            "the policy cannot be read",
            f.remedy,
        )
        for spot, f in spots
    ]
    return FORMATS[form](Report(tuple(found)))


@policy.command()
@click.argument("code", required=False)
@json_option
def rule(code: str | None, as_json: bool) -> None:
    """Print the page of a code such as TL004; without one, the list of all.

    \b
    tieline policy rule TL004
    """
    from tieline.sync.policy.pages import PAGES, text

    if code is None:
        rows = [{"code": p.code, "severity": p.severity, "title": p.title} for p in PAGES.values()]
        lines = [f"{row['code']}  {row['severity']:8} {row['title']}" for row in rows]
        click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(lines))
        return
    page = PAGES.get(code.upper())
    if page is None:
        raise click.UsageError(f"there is no code {code!r}; `tieline policy rule` lists them")
    click.echo(json.dumps(asdict(page), indent=2) if as_json else text(page).rstrip())


@policy.command()
@policy_argument
@config_option
@click.option("--format", "form", type=click.Choice(["text", "json", "junit", "github"]), default="text",
              show_default=True, help="How to print what came of them.")  # fmt: skip
@output_option
@click.option("-k", "only", metavar="TEXT", default="", help="Run only tests whose name holds this.")
@click.option(
    "--coverage", "covered", is_flag=True, help="Show which rules and matrix cells the tests reach."
)
@click.option("--min-coverage", type=click.FloatRange(0, 100), metavar="PERCENT",
              help="Fail if the tests reach fewer of the rules.")  # fmt: skip
@click.pass_context
def test(
    context: click.Context,
    policy: Path | None,
    config_path: Path,
    form: str,
    output: Path | None,
    only: str,
    covered: bool,
    min_coverage: float | None,
) -> None:
    """Run the tests that stand beside the rules.

    Exits 1 if one fails, or if they reach too few rules; 2 if the policy cannot be read.

    \b
    tieline policy test --coverage --min-coverage 100
    tieline policy test policy.toml --format junit -o policy-tests.xml
    """
    from tieline.sync.links import testing as links
    from tieline.sync.policy import report, testing

    loaded = load(policy, config_path)
    engine = engine_of(loaded)
    chosen = [entry for entry in loaded.policy.tests if only.lower() in entry.name.lower()]
    about_links = [r for r in links.as_results(loaded.policy) if only.lower() in r.test.name.lower()]
    if not chosen and not about_links:
        raise click.ClickException(
            f"no test has {only!r} in its name" if only else "the policy has no test: add a [[test]]"
        )
    results = [*testing.run_tests(engine, chosen), *about_links]
    reached = testing.coverage(loaded.policy, results)
    shown = {
        "text": lambda: report.tests_text(results),
        "json": lambda: report.tests_json(results, reached),
        "junit": lambda: report.tests_junit(results),
        "github": lambda: report.tests_github(results),
    }
    put(shown[form](), output)
    if form == "text" and (covered or min_coverage is not None):
        click.echo(report.coverage_text(reached))
    short = min_coverage is not None and reached.percent < min_coverage
    if short:
        click.echo(
            f"the tests reach {reached.percent:.1f} % of the rules, wanted {min_coverage:g} %", err=True
        )
    if short or not all(result.passed for result in results):
        context.exit(EXIT_FAILED)


@policy.command()
@click.argument("ref", required=False)
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="A JSON file with the incident."
)
@click.option("--policy", type=click.Path(path_type=Path, dir_okay=False),
              help="A policy file; the configuration's without it.")  # fmt: skip
@click.option("--at", type=click.DateTime(), help="The time of asking (UTC); now without it.")
@click.option("--touched", metavar="FIELDS", default="", help="Fields of the record that a person changed.")
@click.option("--fresh", is_flag=True, help="The record was raised just now.")
@config_option
@json_option
@click.pass_context
def explain(
    context: click.Context,
    ref: str | None,
    record: Path | None,
    policy: Path | None,
    at: datetime | None,
    touched: str,
    fresh: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """Say what the policy makes of each field: rule with file and line, conditions, the next candidate.

    Name a mirrored incident (REF, a number or an issue key) or a file with one.

    \b
    tieline policy explain INC0010001
    tieline policy explain --record incident.json --policy policy.toml
    """
    from datetime import UTC

    from tieline.sync.policy.evaluate import Standing
    from tieline.sync.policy.explain import explain as why
    from tieline.sync.policy.explain import explanation_json, explanation_lines

    if (ref is None) == (record is None):
        raise click.UsageError(
            "name an incident (a number or an issue key), or a file: --record incident.json"
        )
    loaded = load(policy, config_path)
    now = at.replace(tzinfo=UTC) if at else utc_now()
    standing = Standing(frozenset(_codes(touched)), fresh)
    if record is not None:
        values, moment = _one_record(record, loaded)
        found = why(engine_of(loaded), values, now if at else moment or now, standing)
    else:
        from tieline.sync.commands.policy_records import explained, one_pair

        shown, said = one_pair(context.obj, config_path, str(ref), loaded)
        found = explained(shown, engine_of(loaded), now, said)
    click.echo(
        json.dumps(explanation_json(found), indent=2) if as_json else "\n".join(explanation_lines(found))
    )


def _one_record(path: Path, loaded: Loaded) -> tuple[Any, datetime | None]:
    from tieline.sync.policy.records import read_records

    row = next(read_records(path, loaded.policy), None)
    if row is None:
        raise PolicyError(f"{path}: holds no record")
    moment = row.values.get("now")
    return row.values, moment if isinstance(moment, datetime) else None


policy.add_command(simulate)
policy.add_command(diff)

"""`tieline links`: what ties incidents to problems and changes, what closure lacks, what recurs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.connectors.errors import ConfigError
from tieline.sync.commands.links_release import release
from tieline.sync.commands.options import Pause, config_option, json_option
from tieline.sync.commands.session import Adapters, open_state, open_state_or_none, utc_now

if TYPE_CHECKING:
    from tieline.connectors.base import FieldKind, Side
    from tieline.sync.config import Config
    from tieline.sync.links.model import Proposal
    from tieline.sync.links.survey import Rules, Surveyed
    from tieline.sync.model import Pair
    from tieline.sync.run import Run
    from tieline.sync.store.store import Tx


@click.group()
def links() -> None:
    """What ties incidents to problems and changes: proposals, what closure lacks, what recurs.

    \b
    tieline links propose
    tieline links accept 12
    tieline links missing --since 30d
    """


links.add_command(release)


@links.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@config_option
@json_option
def list_(everything: bool, limit: int, config_path: Path, as_json: bool) -> None:
    """List the proposals that wait for a person, newest first.

    \b
    tieline links list
    tieline links list --all --json
    """
    from tieline.sync.links.show import proposal_json, proposal_line

    with open_state_or_none(config_path) as (_, store), store.read() as tx:
        found = tx.proposals(None if everything else "open", limit)
    if as_json:
        click.echo(json.dumps([proposal_json(number, proposal) for number, proposal in found], indent=2))
        return
    for number, proposal in found:
        click.echo(proposal_line(number, proposal))
    if not found:
        click.echo(
            "No proposals" if everything else "No open proposals; look for some: tieline links propose"
        )


@links.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option(
    "--since", type=Pause(), metavar="DURATION", help="Only incidents raised or resolved since, such as 30d."
)
@click.option(
    "--changed", is_flag=True, help="Only resolved incidents that moved since they were last looked at."
)
@click.option("--dry-run", is_flag=True, help="Show what would be linked and proposed; write nothing.")
@config_option
@json_option
@click.pass_context
def propose(
    context: click.Context,
    refs: tuple[str, ...],
    since: timedelta | None,
    changed: bool,
    dry_run: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """Look for what incidents belong to: link what the policy links, propose what it proposes.

    REF is a number or an issue key; without any, every mirrored incident is looked at. Relations are made by
    the next pass. Each proposal is an internal note on both sides and an entry of `tieline links list`.

    \b
    tieline links propose INC0010023
    tieline links propose --since 7d --dry-run
    tieline links propose --changed  (on a schedule, beside tieline sync)
    """
    from tieline.sync.links.carry import note_proposals, settle
    from tieline.sync.links.memory import looked_at
    from tieline.sync.links.show import surveyed_json, surveyed_lines

    found: list[Surveyed] = []
    with _errand(context.obj, config_path, writes=not dry_run) as (run, rules):
        for wave in _surveyed(run, rules, refs, since, changed=changed):
            found += wave
            if not dry_run:
                settle(run, wave)
                note_proposals(run, [each.pair for each in wave])
                if changed:
                    looked_at(run, [each.pair for each in wave])
    if as_json:
        click.echo(json.dumps([surveyed_json(each) for each in found], indent=2))
        return
    for each in found:
        for line in surveyed_lines(each):
            click.echo(line)
    wanted = sum(v.decision == "link" for each in found for v in each.verdicts)
    open_ = sum(v.decision == "propose" for each in found for v in each.verdicts)
    click.echo(f"{len(found)} incidents: {wanted} relations to link, {open_} to propose")
    if wanted and not dry_run:
        click.echo("The next pass links them: tieline sync")


@links.command()
@click.argument("number", type=int)
@config_option
@json_option
def accept(number: int, config_path: Path, as_json: bool) -> None:
    """Say yes to proposal NUMBER: the next pass makes the link on both sides.

    \b
    tieline links accept 12
    """
    from tieline.sync.links.carry import accept as take
    from tieline.sync.links.model import NEW_PROBLEM
    from tieline.sync.links.survey import NOT_MIRRORED, mirrored

    with open_state(config_path) as (config, store), store.transaction() as tx:
        proposal = _open(tx, number)
        pair = tx.pairs_of([proposal.incident]).get(proposal.incident)
        if pair is None:
            raise ConfigError(
                f"{proposal.incident_label} is in no pair any more: tieline links reject {number}"
            )
        if proposal.target.ref == NEW_PROBLEM:
            raise ConfigError(
                f"Proposal {number} is to open a problem: open it in ServiceNow and set it on "
                f"{proposal.incident_label}, or: tieline links reject {number}"
            )
        if proposal.relation not in mirrored(config):
            raise ConfigError(f"Proposal {number}: {NOT_MIRRORED}; or make the link by hand")
        said = take(tx, proposal, pair, utc_now())
    _decided(number, said, as_json, "The next pass makes it: tieline sync")


@links.command()
@click.argument("number", type=int)
@config_option
@json_option
def reject(number: int, config_path: Path, as_json: bool) -> None:
    """Say no to proposal NUMBER; it is remembered, and not proposed again.

    \b
    tieline links reject 12
    """
    from tieline.sync.links.carry import decided

    with open_state(config_path) as (_, store), store.transaction() as tx:
        said = decided(tx, _open(tx, number), "rejected", utc_now())
    _decided(number, said, as_json, "It will not be proposed again")


@links.command()
@click.option("--since", type=Pause(), metavar="DURATION", help="Only incidents resolved since, such as 30d.")
@click.option("--follow-up", is_flag=True, help="Write the notes, labels and proposals that rules ask for.")
@config_option
@json_option
@click.pass_context
def missing(
    context: click.Context, since: timedelta | None, follow_up: bool, config_path: Path, as_json: bool
) -> None:
    """Show resolved incidents that lack what their closure needs, and the share of complete ones by month.

    \b
    tieline links missing --since 30d
    tieline links missing --follow-up
    """
    from tieline.sync.links.carry import carry_out, note_proposals
    from tieline.sync.links.closure import missing as lacking
    from tieline.sync.links.closure import shares
    from tieline.sync.links.followup import held_back
    from tieline.sync.links.show import missing_json, missing_lines

    with _errand(context.obj, config_path, writes=follow_up) as (run, rules):
        every = [each for wave in _surveyed(run, rules, (), None, deep=False) for each in wave]
        start = None if since is None else run.clock() - since
        chosen = [e for e in every if e.case.resolved and (start is None or e.case.resolved >= start)]
        closed = [each.closed(rules.links) for each in chosen]
        found = lacking(closed, rules.links, rules.moment, [each.case for each in every])
        periods = shares(closed, found)
        pairs = {e.case.label: e.pair for e in chosen}
        if follow_up:
            left = carry_out(run, found, pairs, rules.links)
            left |= {pair.id for pair in note_proposals(run, list(pairs.values()))}
            done = run.counts["links_followed"], run.counts["problems_opened"], len(left)
        held = held_back(run, pairs.values())
    if as_json:
        click.echo(json.dumps(missing_json(found, periods, len(closed), held), indent=2))
        return
    for line in missing_lines(found, periods, len(closed), held):
        click.echo(line)
    if follow_up:
        noted, opened, waiting = done
        click.echo(f"Followed up on {noted} incidents" + (f", opened {opened} problems" if opened else ""))
        if waiting:
            click.echo(f"{waiting} could not be finished now: run it again")


@links.command()
@click.option(
    "--least", type=click.IntRange(min=2), default=3, show_default=True, help="How many make a cluster."
)
@click.option(
    "--within", type=Pause(), default="30d", show_default=True, metavar="DURATION",
    help="The longest time from one to the next.",
)  # fmt: skip
@config_option
@json_option
@click.pass_context
def recurring(
    context: click.Context, least: int, within: timedelta, config_path: Path, as_json: bool
) -> None:
    """Show incidents that came again and again on one item, with the problems that they have.

    \b
    tieline links recurring --least 3 --within 30d
    """
    from tieline.sync.links.closure import recurring as clusters
    from tieline.sync.links.show import cluster_json, cluster_lines

    with _errand(context.obj, config_path, writes=False) as (run, rules):
        every = [each for wave in _surveyed(run, rules, (), None, deep=False) for each in wave]
    standing = {each.case.ref: each.standing for each in every}
    labels = {link.target.ref: link.target.label for each in every for link in each.links}
    found = clusters([each.case for each in every], standing, least, within)
    if as_json:
        click.echo(json.dumps([cluster_json(cluster, labels) for cluster in found], indent=2))
        return
    for cluster in found:
        for line in cluster_lines(cluster, labels):
            click.echo(line)
    if not found:
        click.echo(f"Nothing came {least} times on one item")


@links.command()
@click.option("--log", required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="An incident event log; plain or gzip.")  # fmt: skip
@click.option("--export", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the curves here: .csv, .json (every proposal, too) or .svg.")  # fmt: skip
@json_option
def evaluate(log: Path, export: Path | None, as_json: bool) -> None:
    """Replay an event log in time order, propose from what was known then, and count what was right.

    Needs no configuration, state or system. Truth is what people set: problem_id, rfc and caused_by. Below 30
    cases nothing is claimed.

    \b
    tieline links evaluate --log incident_event_log.csv.gz
    tieline links evaluate --log incident_event_log.csv.gz --export curves.svg
    """
    from tieline.sync.links.eventlog import read_log
    from tieline.sync.links.export import write_export
    from tieline.sync.links.figures import figures, figures_json, figures_lines
    from tieline.sync.links.replay import replay

    rows = read_log(log)
    replayed = replay(rows)
    found = figures(replayed)
    if export is not None:
        try:
            write_export(export, replayed, found)
        except OSError as error:
            raise click.ClickException(f"{export}: {error.strerror or error}") from error
    if as_json:
        whole = {"events": len(rows), "incidents": replayed.incidents, "figures": figures_json(found)}
        click.echo(json.dumps(whole, indent=2))
        return
    click.echo(f"{len(rows)} events of {replayed.incidents} incidents, each asked about when it was raised")
    for line in figures_lines(found):
        click.echo(line)


@links.command()
@click.argument("ref")
@config_option
@json_option
@click.pass_context
def show(context: click.Context, ref: str, config_path: Path, as_json: bool) -> None:
    """Show what incident REF is tied to, what speaks for more, by which rule, and what its closure lacks.

    \b
    tieline links show INC0010023
    """
    from tieline.sync.links.closure import missing as lacking
    from tieline.sync.links.followup import held_back
    from tieline.sync.links.show import graph_json, graph_lines

    with _errand(context.obj, config_path, writes=False) as (run, rules):
        found = [each for wave in _surveyed(run, rules, (ref,), None) for each in wave]
        if not found:
            raise ConfigError(f"{ref}: one half is deleted, or hidden from us")
        each = found[0]
        closed = [each.closed(rules.links)] if each.case.resolved else []
        lacks = lacking(closed, rules.links, rules.moment, [each.case])
        held = held_back(run, [each.pair])
    if as_json:
        click.echo(json.dumps(graph_json(each, lacks, held), indent=2))
        return
    for line in graph_lines(each, rules.links, lacks, held):
        click.echo(line)


@contextmanager
def _errand(adapters: Adapters, config_path: Path, *, writes: bool) -> Iterator[tuple[Run, Rules]]:
    """A run that looks, or one that writes as a pass of its own, with the rules about links."""
    from tieline.sync.commands.link import person_at_work
    from tieline.sync.links.survey import rules_of

    also: dict[Side, dict[str, FieldKind]] = {
        "jira": {"labels": "set"}
    }  # read, to add one and keep the others
    with person_at_work(adapters, config_path, writes=writes, also=also) as runs, runs(writes) as run:
        yield run, rules_of(run, _policy(run.config))


def _policy(config: Config) -> Any:
    from tieline.sync.policy.load import load_policy

    return None if config.policy is None else load_policy(config.path).policy


def _surveyed(
    run: Run,
    rules: Rules,
    refs: tuple[str, ...],
    since: timedelta | None,
    *,
    deep: bool = True,
    changed: bool = False,
) -> Iterator[list[Surveyed]]:
    """What is known of the incidents that are meant, a wave at a time."""
    from tieline.sync.links.memory import changed as moved
    from tieline.sync.links.survey import all_pairs, survey

    start: datetime | None = None if since is None else run.clock() - since
    for pairs in [_named(run, refs)] if refs else all_pairs(run):
        found = survey(run, moved(run, pairs) if changed else pairs, rules, deep=deep)
        yield [
            e
            for e in found
            if (start is None or max(e.case.opened, e.case.resolved or e.case.opened) >= start)
            and (e.case.resolved or not changed)
        ]


def _named(run: Run, refs: tuple[str, ...]) -> list[Pair]:
    from tieline.sync.engine import find_label

    found = []
    for label in dict.fromkeys(refs):
        ref = find_label(run.sides, label)
        with run.store.read() as tx:
            pair = tx.pairs_of([ref]).get(ref)
        if pair is None:
            raise ConfigError(
                f"{label} has no pair; `tieline plan --only {label}` tells what would become of it"
            )
        found.append(pair)
    return found


def _open(tx: Tx, number: int) -> Proposal:
    proposal = tx.proposal(number)
    if proposal is None or proposal.state != "open":
        raise ConfigError(f"There is no open proposal {number}: see `tieline links list`")
    return proposal


def _decided(number: int, said: Proposal, as_json: bool, sentence: str) -> None:
    from tieline.sync.links.show import proposal_json, proposal_line

    if as_json:
        click.echo(json.dumps(proposal_json(number, said), indent=2))
    else:
        click.echo(f"{proposal_line(number, said)}\n{sentence}")

"""Checks a policy: every finding, sorted by place, without those that comments ignore. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieline.sync.policy.check_config import check_config, check_major
from tieline.sync.policy.check_metadata import check_metadata
from tieline.sync.policy.check_rules import check_rules
from tieline.sync.policy.check_values import check_values
from tieline.sync.policy.clauses import TooManyAlternatives, clauses
from tieline.sync.policy.evaluate import Engine
from tieline.sync.policy.findings import UNDECIDED, Finding, Report, sift
from tieline.sync.policy.load import Loaded
from tieline.sync.policy.model import Bound, Policy, Rule, Spot
from tieline.sync.policy.regions import Regions
from tieline.sync.policy.snapshot import Snapshot
from tieline.sync.policy.testing import run_tests


def check(
    loaded: Loaded, snapshot: Snapshot | None = None, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> Report:
    """Everything there is to say about a policy; `snapshot` is what both instances know."""
    policy = loaded.policy
    found = [*check_values(policy), *_includes(loaded)]
    tangled = [entry for entry in policy.entries if not _is_simple(entry)]
    found += [_too_many(entry) for entry in tangled]
    if not tangled and _knows_calendars(policy):
        engine = Engine(policy)
        found += [*check_rules(policy, Regions(policy), engine), *_untested(policy, engine)]
    found += [*check_metadata(policy, loaded.config, snapshot), *check_config(loaded), *check_major(policy)]
    if policy.links is not None:
        from tieline.sync.links.check import check_links  # slow to import

        found += check_links(policy)
    standing, ignored = sift(found, loaded.texts, select, ignore)
    return Report(
        findings=tuple(f for f in standing if f.code != UNDECIDED),
        ignored=tuple(ignored),
        undecided=tuple(f for f in standing if f.code == UNDECIDED),
        files=policy.files,
        rules=len(policy.rules) + len(policy.bounds) + (policy.links.count if policy.links else 0),
        tests=len(policy.tests) + (len(policy.links.tests) if policy.links else 0),
    )


def _is_simple(entry: Rule | Bound) -> bool:
    """Whether the conditions can be taken apart."""
    try:
        clauses(entry.when)
    except TooManyAlternatives:
        return False
    return True


def _too_many(entry: Rule | Bound) -> Finding:
    return Finding(
        "TL025",
        "error",
        entry.spot,
        f"the condition of {entry.id!r} has too many alternatives",
        "they multiply, and each is compared with every other rule",
        "make two rules of it",
        entry.id,
    )


def _knows_calendars(policy: Policy) -> bool:
    """Whether every calendar that is asked is there; without its hours nothing can be evaluated."""
    from tieline.sync.policy.conditions import atoms

    asked = {atom.calendar for entry in policy.entries for atom in atoms(entry.when)} - {""}
    return asked <= policy.calendars.keys()


def _untested(policy: Policy, engine: Engine) -> Iterator[Finding]:
    fired = {id_ for result in run_tests(engine, policy.tests) for id_ in result.fired}
    for entry in policy.entries:
        if entry.id not in fired:
            yield Finding(
                "TL018",
                "warning",
                entry.spot,
                f"no test reaches the rule {entry.id!r}",
                "nobody notices when a change of the policy breaks it",
                "add a [[test]] with an incident that it applies to",
                entry.id,
            )


def _includes(loaded: Loaded) -> Iterator[Finding]:
    for include in loaded.includes:
        if not include.matched:
            yield Finding(
                "TL017",
                "warning",
                include.spot,
                f"no file matches {include.pattern!r}",
                "what is meant to be included is missing",
                "correct the pattern; it is relative to this file",
            )
    for file, text in loaded.texts.items():
        if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
            yield Finding(
                "TL017",
                "warning",
                Spot(file, 1, 1),
                "this file is included and holds nothing",
                "what nobody uses misleads whoever reads it",
                "remove it, or fill it",
            )

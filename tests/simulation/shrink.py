"""Cuts a failing scenario down to the shortest that breaks the same promise, and keeps scenarios as files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from tests.simulation.evidence import Violation
from tests.simulation.scenario import PARTS, Accord, Ambush, Deed, Errand, Put, Remark, Scenario, Traits
from tests.simulation.ties import Tied, TiedTraits, Tying

Check = Callable[[Scenario], list[Violation]]


def shrink(scenario: Scenario, check: Check, *, tries: int = 400) -> Scenario:
    """The scenario without everything that its failure does not need. `tries` bounds the runs."""
    wanted = {violation.promise for violation in check(scenario)}
    left = tries

    def fails(candidate: Scenario) -> bool:
        nonlocal left
        left -= 1
        return bool(wanted & {violation.promise for violation in check(candidate)})

    before = -1
    while len(scenario) != before and left > 0:
        before = len(scenario)
        for part in (*PARTS, *(("tyings",) if isinstance(scenario, Tied) else ())):
            scenario = _shrink_part(scenario, part, fails, lambda: left > 0)
        scenario = _plainer(scenario, fails)
    return scenario


def _shrink_part(
    scenario: Scenario, part: str, fails: Callable[[Scenario], bool], may: Callable[[], bool]
) -> Scenario:
    size = max(1, len(getattr(scenario, part)))
    while size >= 1:
        start = 0
        while start < len(getattr(scenario, part)) and may():
            candidate = scenario.without(part, start, start + size)
            if fails(candidate):
                scenario = candidate
            else:
                start += size
        size //= 2
    return scenario


def _plainer(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    """Without traits that the failure does not need."""
    plain = Traits()
    for name in ("skew", "lag", "rules", "page", "latency", "wave", "max_records", "reopen", "workflow"):
        if getattr(scenario.traits, name) != getattr(plain, name):
            traits = replace(scenario.traits, **{name: getattr(plain, name)})
            candidate = replace(scenario, traits=traits)
            if fails(candidate):
                scenario = candidate
    return scenario


def save(scenario: Scenario, path: Path, defect: str, mode: str = "plain") -> None:
    """Keep a scenario with the defect that it showed, and the mode in which it did."""
    tree = asdict(scenario)
    tree["traits"]["rules"] = sorted(scenario.traits.rules)
    path.write_text(json.dumps({"defect": defect, "mode": mode, "scenario": tree}) + "\n", encoding="utf-8")


def load(path: Path) -> tuple[str, Scenario]:
    """The defect and the scenario of a file."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    raw = tree["scenario"]
    traits: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw["traits"].items()}
    traits["rules"] = frozenset(traits["rules"])
    scenario = Scenario(
        raw["seed"],
        TiedTraits(**traits) if "ties" in traits else Traits(**traits),
        deeds=tuple(Deed(**deed) for deed in raw["deeds"]),
        ambushes=tuple(Ambush(**ambush) for ambush in raw["ambushes"]),
        read_faults=tuple((at, kind) for at, kind in raw["read_faults"]),
        write_faults=tuple((at, kind) for at, kind in raw["write_faults"]),
        deaths=tuple(raw["deaths"]),
        errands=tuple(Errand(**errand) for errand in raw["errands"]),
        gaps=tuple(raw["gaps"]),
        puts=tuple(Put(**put) for put in raw.get("puts", ())),
        remarks=tuple(Remark(**remark) for remark in raw.get("remarks", ())),
        accords=tuple(Accord(**accord) for accord in raw.get("accords", ())),
    )
    if "tyings" in raw:
        parts = {each.name: getattr(scenario, each.name) for each in fields(Scenario)}
        scenario = Tied(**parts, tyings=tuple(Tying(**tying) for tying in raw["tyings"]))
    return tree["defect"], scenario


def mode_kept(path: Path) -> str:
    """The name of the mode in which the scenario of a file failed."""
    return str(json.loads(path.read_text(encoding="utf-8")).get("mode", "plain"))


def described(scenario: Scenario) -> str:
    """What is left of a scenario, for people."""
    plain = Traits()
    names = ("cloud", "skew", "lag", "rules", "clash", "tie", "first", "wave", "page", "workflow", "reopen",
             "max_records", "latency", "overlap", "files", "talk")  # fmt: skip
    traits = [f"{n} = {getattr(scenario.traits, n)}" for n in names
              if getattr(scenario.traits, n) != getattr(plain, n)]  # fmt: skip
    lines = [
        f"traits: {', '.join(traits) or 'plain'}",
        f"gaps: {', '.join(f'{gap:g}' for gap in scenario.gaps)}",
    ]
    for part in (*PARTS, *(("tyings",) if isinstance(scenario, Tied) else ())):
        lines += [f"{part}: {item}" for item in getattr(scenario, part)]
    return "\n".join(lines)

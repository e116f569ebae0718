"""How fast a policy is: 200 rules over 100,000 records of 12 fields, beside zen-engine and rule-engine.

`python benchmarks/policy.py` prints records a second for each, on one core, in one run; the others get fewer
records, as they are slower. The same rules and records go to each, and their answers are compared.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tieline.sync.policy.check import check
from tieline.sync.policy.conditions import AllOf, Atom, Moment
from tieline.sync.policy.evaluate import Engine, Standing
from tieline.sync.policy.load import load_policy
from tieline.sync.policy.model import Assignment, Policy, Rule

FIELDS = (
    "category", "subcategory", "impact", "urgency", "status", "group", "assignee", "caller", "service",
    "resolution", "channel",
)  # fmt: skip
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
WORDS = 100
EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "policy.toml"


def rules(number: int, rng: random.Random) -> list[tuple[dict[str, list[str]], str, str]]:
    """(values wanted by field, a word in the summary or "", the label that the first rule gives)."""
    made = []
    for index in range(number):
        names = rng.sample(FIELDS, 2)
        wanted = {
            name: sorted(f"{name}{n}" for n in rng.sample(range(12), rng.randint(1, 3))) for name in names
        }
        made.append((wanted, f"word{rng.randrange(WORDS)}" if index % 4 == 0 else "", f"r{index}"))
    return made


def records(number: int, rng: random.Random) -> list[dict[str, str]]:
    made = []
    for index in range(number):
        record = {name: f"{name}{rng.randrange(12)}" for name in FIELDS}
        record["summary"] = f"word{rng.randrange(WORDS)} and word{rng.randrange(WORDS)} {index}"
        made.append(record)
    return made


def policy_of(made: Sequence[tuple[dict[str, list[str]], str, str]]) -> Policy:
    return Policy(
        tuple(
            Rule(
                label,
                AllOf((
                    *(Atom(name, "in", frozenset(words)) for name, words in wanted.items()),
                    *([Atom("summary", "contains", word)] if word else []),
                )),
                (Assignment("site", label, "always"),),
            )
            for wanted, word, label in made
        ),
        own_fields={"site": "choice"},
    )  # fmt: skip


def rate(function: Callable[[dict[str, str]], object], rows: Sequence[dict[str, str]], runs: int) -> float:
    """Records a second of one core's time, whatever else the machine does: the median of several runs."""
    rates = []
    for _ in range(runs):
        start = time.process_time()
        for row in rows:
            function(row)
        rates.append(len(rows) / (time.process_time() - start))
    return statistics.median(rates)


def zen(made: Sequence[tuple[dict[str, list[str]], str, str]]) -> Callable[[dict[str, str]], str]:
    """zen-engine's decision table, first hit."""
    import zen as library

    columns = [*FIELDS, "summary"]
    rows = []
    for index, (wanted, word, label) in enumerate(made):
        row = {name: ", ".join(f'"{value}"' for value in wanted.get(name, ())) for name in FIELDS}
        row["summary"] = f'contains($, "{word}")' if word else ""
        rows.append({"_id": str(index), **row, "out": f'"{label}"'})
    content = {
        "hitPolicy": "first", "rules": rows,
        "inputs": [{"id": name, "name": name, "field": name} for name in columns],
        "outputs": [{"id": "out", "name": "out", "field": "out"}],
    }  # fmt: skip
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {
            "id": "t",
            "type": "decisionTableNode",
            "name": "t",
            "content": content,
            "position": {"x": 1, "y": 0},
        },
        {"id": "o", "type": "outputNode", "name": "o", "position": {"x": 2, "y": 0}},
    ]
    edges = [
        {"id": "1", "sourceId": "in", "targetId": "t", "type": "edge"},
        {"id": "2", "sourceId": "t", "targetId": "o", "type": "edge"},
    ]
    decision = library.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))
    return lambda record: str((decision.evaluate(record)["result"] or {}).get("out", ""))


def rule_engine(made: Sequence[tuple[dict[str, list[str]], str, str]]) -> Callable[[dict[str, str]], str]:
    """rule-engine, one expression a rule, first match."""
    import rule_engine as library

    found = []
    for wanted, word, label in made:
        parts = [f"{name} in [{', '.join(repr(value) for value in words)}]" for name, words in wanted.items()]
        parts += [f"{word!r} in summary"] if word else []
        found.append((library.Rule(" and ".join(parts)), label))
    return lambda record: next((label for rule, label in found if rule.matches(record)), "")


def large_policy(number: int) -> str:
    """A policy file of many rules, for the check."""
    rng = random.Random(3)
    lines = []
    for index in range(number):
        first, second = rng.sample(FIELDS[:6], 2)
        lines.append(
            f'[[rule]]\nid = "r{index}"\nwhen = {{ {first} = "{first}{rng.randrange(200)}", '
            f'{second} = "{second}{rng.randrange(200)}" }}\n'
            f'then = {{ labels = "l{index}", service = "s{index % 7}" }}\n'
            f'before = "*"\n'
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rng = random.Random(1)
    made, rows = rules(options.rules, rng), records(options.records, rng)
    engine, moment = Engine(policy_of(made)), Moment(NOW, {})
    first = lambda record: engine.says(record, moment)  # noqa: E731
    print(
        f"{options.rules} rules, records of {len(rows[0])} fields; records a second, median of {options.runs}"
    )
    print(f"  tieline, what the rules say            {rate(first, rows, options.runs):>10,.0f}")
    whole = lambda record: engine.apply(record, NOW, Standing())  # noqa: E731
    print(f"  tieline, applied until it comes to rest{rate(whole, rows, options.runs):>10,.0f}")
    for name, other, share in (("zen-engine", zen(made), 50), ("rule-engine", rule_engine(made), 200)):
        some = rows[: max(options.records // share, 100)]
        differing = sum(other(row) != _label(engine, row, moment) for row in some)
        print(f"  {name:<39}{rate(other, some, 1):>10,.0f}   ({differing} of {len(some)} differ from ours)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "policy.toml")
        path.write_text(large_policy(2_000), encoding="utf-8")
        start = time.process_time()
        report = check(load_policy(path))
        took = time.process_time() - start
        print(f"  policy check of 2,000 rules: {took:.2f} s ({len(report.findings)} findings)")
    print(f"  policy check of the example, whole process: {1000 * whole_process(options.runs):.0f} ms")


def whole_process(runs: int) -> float:
    """Seconds of processor time of `tieline policy check` on the example: the median of several runs."""
    took = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "tieline.cli", "policy", "check", str(EXAMPLE), "--strict"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(took)


def _label(engine: Engine, record: dict[str, str], moment: Moment) -> str:
    return str(engine.says(record, moment).get("site", ""))


if __name__ == "__main__":
    main()

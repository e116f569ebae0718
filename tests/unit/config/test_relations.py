"""What is wrong between the relations of a configuration is said with its place and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tieline.sync.config.faults import FaultyConfig
from tieline.sync.config.load import load_config

ROOT = Path(__file__).resolve().parents[3]


def faults(tmp_path: Path, change: Callable[[str], str]) -> str:
    path = tmp_path / "config.toml"
    path.write_text(change((ROOT / "config.example.toml").read_text()))
    with pytest.raises(FaultyConfig) as caught:
        load_config(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('relation = "duplicate"\njira = "Duplicate"', "has no column of its own"),
        ('relation = "problem"\njira = "Blocks"', "problem_id holds two relations"),
        ('relation = "ci"\nremote = false', "Jira would show nothing of it"),
        (
            'relation = "duplicate"\nservicenow = "u_duplicate"\njira = "Parent/Child"',
            "would be two relations",
        ),
        ('relation = "cured_by"\non = "problem"\njira = "Cure"', "no route mirrors problem"),
        ('relation = "causes"', "relation"),
    ],
)
def test_relations_that_contradict_each_other(tmp_path: Path, more: str, words: str) -> None:
    assert words in faults(tmp_path, lambda text: f"{text}\n[[links.type]]\n{more}\n")


def test_a_route_may_leave_fields_out_and_have_states_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    route = """
[[route]]
name = "problems"
servicenow = { table = "problem" }
jira = { project = "SVC", issue_type = "Problem" }
since = 2026-01-01
without = ["category", "priority"]
[route.status]
resolved = ["106", "107"]
map = [{ servicenow = "101", jira = "Open" }, { servicenow = ["106", "107"], jira = "Closed" }]
"""
    example = (ROOT / "config.example.toml").read_text()
    path.write_text(example + route)
    config = load_config(path)
    incidents, problems = config.routes
    assert config.tables == ("incident", "problem")
    assert "category" not in {field.name for field in config.fields_for(problems)}
    assert config.priority_for(problems) is None
    assert config.priority_for(incidents) is config.priority
    own = config.status_for(problems)
    assert own is not None
    assert own.resolved == ("106", "107")
    path.write_text(example)
    assert load_config(path).fingerprint() != config.fingerprint()

"""Replacing a value in the example file changes that value and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.template import Toml, toml, with_value


@pytest.fixture(scope="module")
def example(root: Path) -> str:
    return (root / "config.example.toml").read_text(encoding="utf-8")


def changed(before: Any, after: Any, path: str = "") -> list[str]:
    """The paths of all values that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [p for key in keys for p in changed(before.get(key), after.get(key), f"{path}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            p
            for i, pair in enumerate(zip(before, after, strict=True))
            for p in changed(*pair, f"{path}[{i}]")
        ]
    return [] if before == after else [path]


@pytest.mark.parametrize(
    ("table", "key", "value", "path"),
    [
        ("", "state", "sqlite:////tmp/x.db", ".state"),
        ("servicenow", "url", "http://127.0.0.1:1", ".servicenow.url"),
        ("jira", "url", "http://127.0.0.1:2", ".jira.url"),
        ("limits", "max_share", 1.0, ".limits.max_share"),
        ("field:category", "unmapped", "pass", ".field[2].unmapped"),
        ("field:group", "tie", "jira", ".field[5].tie"),
        ("status", "resolution", [{"servicenow": ["a", "b"], "jira": "Done"}], ".status.resolution"),
    ],
)
def test_one_value_changes(example: str, table: str, key: str, value: Toml, path: str) -> None:
    text = with_value(example, table, key, value)
    assert changed(tomllib.loads(example), tomllib.loads(text)) == [path]


def test_a_matrix_changes_cell_by_cell(example: str) -> None:
    text = with_value(example, "priority", "matrix", [[1, 2, 3], [2, 3, 4], [3, 4, 4]])
    assert changed(tomllib.loads(example), tomllib.loads(text)) == [".priority.matrix[2][2]"]


def test_comments_and_every_other_line_stay(example: str) -> None:
    before = example.splitlines()
    after = with_value(example, "servicenow", "overlap", "9m").splitlines()
    different = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert different == [
        ('overlap = "2m"                      # how far back each look at the feed reaches',
         'overlap = "9m"                      # how far back each look at the feed reaches'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "key"), [("", "url"), ("nowhere", "url"), ("field:nothing", "tie"), ("jira", "link")]
)
def test_a_value_that_is_not_there_is_not_added(example: str, table: str, key: str) -> None:
    with pytest.raises(KeyError):
        with_value(example, table, key, "x")


scalars = (
    st.booleans()
    | st.integers(-9, 9)
    | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), scalars)
)


@given(values)
def test_what_is_written_reads_back(value: Any) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


@given(values, values)
def test_replacing_twice_is_replacing_once(first: Any, second: Any) -> None:
    text = 'a = 1 # "one"\n[t]\nx = [ # odd\n  "]", # [\n] # end\ny = 2\n'
    assert with_value(with_value(text, "t", "x", first), "t", "x", second) == with_value(
        text, "t", "x", second
    )
    assert tomllib.loads(with_value(text, "t", "x", first))["t"]["y"] == 2

"""The JSON Schema and the reference say what the model says, and cost nothing until they are asked for."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tieline.sync.config import Config
from tieline.sync.config.problems import tables_in
from tieline.sync.config.schema import json_schema
from tieline.sync.config.values import Table


def all_tables(table: type[Table]) -> Iterator[type[Table]]:
    yield table
    for info in table.model_fields.values():
        for inner in tables_in(info.annotation):
            yield from all_tables(inner)


TABLES = sorted(set(all_tables(Config)), key=lambda table: table.__name__)


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_described(table: type[Table]) -> None:
    assert table.__doc__
    assert [name for name, info in table.model_fields.items() if not info.description] == []


def test_the_schema_is_json_schema_and_knows_every_table() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["$defs"]) == {table.__name__ for table in TABLES} - {"Config"}
    assert "null" not in json.dumps(schema)


def violations(value: Any, schema: dict[str, Any], tables: dict[str, Any]) -> list[str]:
    """What an editor would mark: as much of JSON Schema as this one uses, without pydantic's help."""
    schema = tables[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for key in ("anyOf", "oneOf"):
        if key in schema:
            options = [violations(value, option, tables) for option in schema[key]]
            return [] if [] in options else options[0]
    kinds = {
        "string": str,
        "integer": int,
        "number": int | float,
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    if ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        return [f"{value!r} is no choice"]
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{value!r} is no {schema['type']}"]
    if isinstance(value, list):
        return [found for entry in value for found in violations(entry, schema["items"], tables)]
    if isinstance(value, dict):
        known, required = schema["properties"], schema.get("required", [])
        found = [f"{key} is unknown" for key in value if key not in known]
        found += [f"{key} is missing" for key in required if key not in value]
        return found + [
            v for key in value if key in known for v in violations(value[key], known[key], tables)
        ]
    return []


def test_the_example_satisfies_the_schema_and_a_damaged_one_does_not(root: Path) -> None:
    schema = json_schema()
    text = (root / "config.example.toml").read_text(encoding="utf-8")
    data = json.loads(json.dumps(tomllib.loads(text), default=str))
    assert violations(data, schema, schema["$defs"]) == []
    del data["route"][0]["jira"]["project"]
    data["field"][0]["clash"] = "latest"
    assert violations(data, schema, schema["$defs"]) == ["project is missing", "'latest' is no choice"]


@pytest.fixture(scope="module")
def generator(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "generate.py"))


def test_the_reference_is_in_step_with_the_model(generator: dict[str, Any]) -> None:
    assert generator["PAGE"].read_text(encoding="utf-8") == generator["page"](), "run python docs/generate.py"


def test_the_reference_names_every_setting(generator: dict[str, Any]) -> None:
    page = generator["PAGE"].read_text(encoding="utf-8")
    for table in TABLES:
        for name, info in table.model_fields.items():
            assert f"| `{info.alias or name}` |" in page
            assert str(info.description) in page


def test_the_check_tells_a_page_out_of_step(root: Path, tmp_path: Path) -> None:
    for name in ("config.example.toml", "docs/generate.py", "docs/configuration.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((root / name).read_bytes())
    command = [sys.executable, str(tmp_path / "docs" / "generate.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0
    with (tmp_path / "docs" / "configuration.md").open("a") as page:
        page.write("more")
    assert subprocess.run(command, check=False).returncode == 1
    assert subprocess.run(command[:-1], check=False).returncode == 0
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize(
    ("code", "unloaded"),
    [
        ("import tieline.sync.commands.config", "pydantic"),
        (
            "from tieline.sync.config import load_config; load_config(Path('config.example.toml'))",
            "tree_sitter",
        ),
    ],
)
def test_what_is_heavy_is_loaded_late(root: Path, code: str, unloaded: str) -> None:
    program = f"import sys; from pathlib import Path; {code}; print({unloaded!r} in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "False"

"""Writes docs/configuration.md from the model of the configuration, so that the two cannot disagree.

It describes no setting itself: keys, types, defaults and meanings are the JSON Schema's.
`python docs/generate.py --check` writes nothing and exits 1 if the page is out of step.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("configuration.md")
EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
EDGE = "ValueEdge"

HEAD = """\
# Configuration

This page is written by `make docs` from the program itself; change the descriptions there, not here.

Tieline reads one TOML file: `./config.toml`, or what `$TIELINE_CONFIG` or `--config FILE` names.
`config.example.toml` is a complete one with comments. Keys that Tieline does not know are refused, so that a
misspelt one is noticed.

- **Secrets are references, never values**: `env:NAME` is an environment variable, `file:PATH` the first line
  of a file that only its owner can read (a relative path starts at the configuration's folder), and
  `keyring:SERVICE/USER` an entry of the system's keyring. Anything else is refused, and not shown.
- **Durations** are a whole number and a unit: `90s`, `2m`, `24h`, `1d`.
- **Two routes** must not share an incident: the same project and issue type, or the same table with both
  creating from ServiceNow, need two different scopes.

`tieline config schema` prints the same as a JSON Schema for your editor.

## Faults

`tieline config check` reports everything that is wrong with a file at once: the place, the setting, what is
wrong with it (and the value, unless it may be a secret), and what to do. It exits 2 if there is a fault.

```text
"""

MISTAKES = (
    ('auth = { kind = "basic"', 'auth = { kind = "basic", realm = "x"'),
    ('overlap = "5m"', 'overlap = "5 minutes"'),
    ('clash = "newest"', 'clash = "latest"'),
    ('unmapped = "pass"', 'unmaped = "pass"'),
)


def page() -> str:
    """The whole page, as Markdown."""
    from tieline.sync.config.schema import json_schema

    schema = json_schema()
    tables = schema["$defs"]
    parts = [HEAD + sample() + "```\n", section("## Top of the file", schema, tables)]
    for key, setting in schema["properties"].items():
        for name in references(setting):
            title = f"## `[[{key}]]`" if setting.get("type") == "array" else f"## `[{key}]`"
            parts.append(section(title, tables[name], tables))
            parts += nested(key, tables[name], tables)
    parts.append(section("## Value maps", tables[EDGE], tables))
    return "\n".join(parts)


def sample() -> str:
    """What Tieline says about the example file with a few mistakes in it."""
    from tieline.sync.config import FaultyConfig, load_config

    text = EXAMPLE.read_text(encoding="utf-8")
    for right, wrong in MISTAKES:
        text = text.replace(right, wrong, 1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.toml")
        file.write_text(text, encoding="utf-8")
        try:
            load_config(file)
        except FaultyConfig as error:
            return f"{error}\n".replace(f"{folder}/", "")
    raise AssertionError("the mistakes are none")


def nested(path: str, table: dict[str, Any], tables: dict[str, Any]) -> Iterator[str]:
    """The tables inside a table, but for value maps, which have one section for all."""
    for key, setting in table["properties"].items():
        for name in references(setting):
            if name != EDGE:
                inner = tables[name]
                kind = inner["properties"].get("kind", {}).get("const")
                title = f"### `{path}.{key}`" + (f' with `kind = "{kind}"`' if kind else "")
                yield section(title, inner, tables)
                yield from nested(f"{path}.{key}", inner, tables)


def references(setting: dict[str, Any]) -> list[str]:
    """The names of the tables that a setting may hold."""
    inner = setting.get("items", setting)
    found = [inner, *inner.get("oneOf", ())]
    return [entry["$ref"].rpartition("/")[2] for entry in found if "$ref" in entry]


def section(title: str, table: dict[str, Any], tables: dict[str, Any]) -> str:
    """One table of the file: what it is, and a row for each of its keys."""
    required = table.get("required", ())
    rows = [
        f"| `{key}` | {takes(setting)} | {default(key in required, setting)} | {meaning(setting, tables)} |"
        for key, setting in sorted(table["properties"].items(), key=lambda item: item[0] not in required)
    ]
    return "\n".join(
        [
            title,
            "",
            table["description"],
            "",
            "| key | takes | default | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def takes(setting: dict[str, Any]) -> str:
    """What a setting takes, in a few words."""
    if references(setting):
        edges = references(setting) == [EDGE]
        return (
            "[value map](#value-maps)" if edges else "tables" if setting.get("type") == "array" else "table"
        )
    if "const" in setting:
        return f"`{json.dumps(setting['const'])}`"
    if "enum" in setting:
        return ", ".join(f"`{json.dumps(word)}`" for word in setting["enum"])
    if "anyOf" in setting:
        return " or ".join(takes(entry) for entry in setting["anyOf"])
    match setting["type"]:
        case "array":
            return f"array of {takes(setting['items'])}"
        case "integer" | "number":
            return "number" + limits(setting)
        case "boolean":
            return "`true`, `false`"
        case "object":
            return "table"
        case _:
            examples = ", ".join(f"`{example}`" for example in setting.get("examples", ()))
            return f"text: {examples}" if examples and "format" not in setting else examples or "text"


def limits(setting: dict[str, Any]) -> str:
    """The smallest and largest number that a setting takes."""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    return "".join(f" {word} {setting[key]}" for key, word in words.items() if key in setting)


def default(required: bool, setting: dict[str, Any]) -> str:
    """What holds where the setting is left out."""
    if required:
        return "required"
    return f"`{json.dumps(setting['default'])}`" if "default" in setting else ""


def meaning(setting: dict[str, Any], tables: dict[str, Any]) -> str:
    """What a setting says, as the content of one cell; pydantic leaves out what its table says already."""
    text: str = setting.get("description") or tables[references(setting)[0]]["description"]
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit code."""
    text = page()
    if arguments == ["--check"]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

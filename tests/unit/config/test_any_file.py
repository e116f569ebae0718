"""Whatever is done to a good file, it loads or gives faults with places: never anything else."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieline.sync.config import Config, FaultyConfig, load_config
from tieline.sync.config.locate import Path as Keys
from tieline.sync.config.locate import locate

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
DATA = tomllib.loads(TEXT)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates(min_value=date(1000, 1, 1))
    | st.datetimes(min_value=datetime(1000, 1, 1))
    | st.sampled_from(
        ["labels", "OPS", "incident", "2m", "env:A", "3/4", "hold", "https://h", "{what}", "a^NQb"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
"""What TOML can hold; None stands for leaving the key out."""


def paths(data: object, before: Keys = ()) -> list[Keys]:
    """Every path to a value in `data`."""
    if isinstance(data, dict):
        inner = [(key, value) for key, value in data.items()]
    else:
        inner = list(enumerate(data)) if isinstance(data, list) else []
    return [path for key, value in inner for path in [(*before, key), *paths(value, (*before, key))]]


def toml(value: object) -> str:
    """A value in TOML's syntax, on one line."""
    match value:
        case bool() | int():
            return str(value).lower()
        case float():
            return repr(value) if value == value else "nan"
        case str():
            signs = (
                sign if sign.isprintable() and sign not in '"\\' else f"\\U{ord(sign):08x}" for sign in value
            )
            return f'"{"".join(signs)}"'
        case date():
            return value.isoformat()
        case list():
            return f"[{', '.join(toml(entry) for entry in value if entry is not None)}]"
        case dict():
            pairs = (f"{toml(key)} = {toml(entry)}" for key, entry in value.items() if entry is not None)
            return f"{{ {', '.join(pairs)} }}"
    raise AssertionError(f"no TOML for {value!r}")


def at(data: Any, path: Keys) -> Any:
    """The value at `path`."""
    for part in path:
        data = data[part]
    return data


def changed(data: Any, path: Keys, value: object) -> Any:
    """A copy of `data` with `value` at `path`."""
    if not path:
        return value
    part, *rest = path
    if isinstance(data, list):
        return [changed(entry, tuple(rest), value) if n == part else entry for n, entry in enumerate(data)]
    return data | {part: changed(data.get(part), tuple(rest), value)}


def outcome(file: Path, content: bytes) -> Config | None:
    """The configuration; None if it gave faults, once these are seen to be sound."""
    file.write_bytes(content)
    lines = content.count(b"\n") + 1
    try:
        return load_config(file)
    except FaultyConfig as error:
        assert error.faults
        assert all(1 <= fault.line <= lines and fault.column >= 1 for fault in error.faults)
        assert all(str(fault).isprintable() and fault.what and fault.remedy for fault in error.faults)
        return None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


# The file is written anew for each example, so that one folder for all of them does no harm.
many = settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])


TABLES = [path for path in paths(DATA) if isinstance(at(DATA, path), dict)]


def written(data: dict[str, Any]) -> bytes:
    """A file that holds `data`, one line for each top-level key."""
    text = "\n".join(f"{toml(key)} = {toml(value)}" for key, value in data.items() if value is not None)
    tomllib.loads(text)
    return text.encode()


@many
@given(path=st.sampled_from(paths(DATA)), value=VALUES)
def test_any_value_anywhere(file: Path, path: Keys, value: object) -> None:
    config = outcome(file, written(changed(DATA, path, value)))
    assert config is None or config.fingerprint()


@many
@given(path=st.sampled_from(TABLES), key=st.text(), value=VALUES)
def test_any_further_key_anywhere(file: Path, path: Keys, key: str, value: object) -> None:
    outcome(file, written(changed(DATA, (*path, key), value)))


@many
@given(start=st.integers(0, len(TEXT)), length=st.integers(0, 60), put=st.binary(max_size=12))
def test_any_cut_and_any_bytes(file: Path, start: int, length: int, put: bytes) -> None:
    content = TEXT.encode()
    outcome(file, content[:start] + put + content[start + length :])


@many
@given(st.text(alphabet="[]{}=.,\"'#\n ab1-é", max_size=40))
def test_every_value_of_a_valid_text_has_a_place(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    places = locate(text)
    for path in paths(data):
        place = places.of_key(path)
        assert 1 <= place.line <= text.count("\n") + 1
        assert path in places.values


def test_each_value_of_the_example_stands_where_it_is_said_to_stand() -> None:
    places = locate(TEXT)
    lines = TEXT.split("\n")
    checked = 0
    for path in paths(DATA):
        value = at(DATA, path)
        if isinstance(value, str | int | float):
            place = places.of_value(path)
            assert lines[place.line - 1][place.column - 1 :].startswith(toml(value)), path
            checked += 1
    assert checked > 100


def test_a_key_of_two_thousand_parts(file: Path) -> None:
    deep = ".".join("a" * 2_000)
    assert outcome(file, f"{TEXT}\n{deep} = 1\n".encode()) is None
    assert outcome(file, TEXT.replace("[limits]", f"[limits]\n{deep} = 1").encode()) is None

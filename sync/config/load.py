"""Reads the file and turns it into a `Config`, or into one error that lists every fault with its place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tieline.sync.config.checks import problems
from tieline.sync.config.faults import Fault, FaultyConfig, Problem, key_text
from tieline.sync.config.model import Config
from tieline.sync.config.parts import readable
from tieline.sync.config.problems import from_pydantic
from tieline.sync.config.text import parse_toml, read_text


def load_config(path: Path) -> Config:
    """The configuration in `path`.

    Raises `FaultyConfig`, a `ConfigError`, with every fault of the file; a syntax error hides the others.
    """
    text = read_text(path)
    data = parse_toml(path, text)
    found: list[Problem] = []
    config: Config | None = None
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found += from_pydantic(error, Config)
    found += problems(readable(data, found))
    if config is None or found:
        raise FaultyConfig(_placed(path, text, data, found))
    return config.read_from(path)


def _placed(path: Path, text: str, data: dict[str, Any], found: Iterable[Problem]) -> list[Fault]:
    """The problems with their places, in the order of the file; the grammar is loaded only now."""
    from tieline.sync.config.locate import locate

    places = locate(text)
    faults: dict[Fault, None] = {}
    for problem in found:
        place = places.of_key(problem.path) if problem.at == "key" else places.of_value(problem.path)
        key = key_text(problem.path, data)
        fault = Fault(str(path), place.line, place.column, key, problem.what, problem.value, problem.remedy)
        faults[fault] = None
    return sorted(faults, key=lambda fault: (fault.line, fault.column))

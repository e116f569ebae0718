"""Reads a policy: from config.toml and the files that it includes, or from a file of its own.

What cannot be read is one `FaultyPolicy` that lists every fault with its place; what can be read and is
wrong all the same is found by `tieline.sync.policy.check`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tieline.connectors.errors import PolicyError
from tieline.sync.config.faults import Fault, FaultyConfig, Problem, key_text
from tieline.sync.config.faults import Path as Keys
from tieline.sync.config.locate import Places, locate
from tieline.sync.config.policy import PolicyFile, PolicySection
from tieline.sync.config.problems import from_pydantic
from tieline.sync.config.text import parse_toml, read_text
from tieline.sync.policy.build import Piece, build
from tieline.sync.policy.clauses import TooManyAlternatives
from tieline.sync.policy.conditions import atoms
from tieline.sync.policy.evaluate import Engine
from tieline.sync.policy.fields import Kind
from tieline.sync.policy.model import NOWHERE, Policy, Spot

if TYPE_CHECKING:
    from tieline.connectors.base import FieldKind, Side
    from tieline.sync.config import Config

KINDS: dict[str, Kind] = {
    "line": "text", "text": "text", "choice": "choice", "person": "choice", "group": "choice", "set": "set",
    "people": "set",
}  # fmt: skip


class FaultyPolicy(PolicyError):
    """The policy cannot be read; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class Include:
    """A pattern of `include`, how many files it matched, and where it stands."""

    pattern: str
    matched: int
    spot: Spot


@dataclass(frozen=True)
class Loaded:
    """A policy with its sources: the texts by file, what includes matched, and the configuration."""

    policy: Policy
    texts: dict[str, str]
    includes: tuple[Include, ...] = ()
    config: Config | None = None
    metadata: Path | None = None
    """The snapshot of both instances that the configuration names."""


def load_policy(path: Path) -> Loaded:
    """The policy that a file holds or includes; a configuration or a policy file.

    Raises `FaultyPolicy` for a policy, `FaultyConfig` for a configuration that cannot be read.
    """
    try:
        text = read_text(path)
        data = parse_toml(path, text)
    except FaultyConfig as error:
        raise FaultyPolicy(_renamed(error)) from None
    if "route" in data or "policy" in data:
        return _from_config(path, text, data)
    file = _File(path, text)
    file.read(data)
    return _loaded([file], {}, (), None, None)


def _renamed(error: FaultyConfig) -> list[Fault]:
    """The same faults, without the advice that is about configurations."""
    remedy = "name a policy file, or a configuration that has a [policy]"
    return [replace(f, remedy=remedy) if "config.example.toml" in f.remedy else f for f in error.faults]


@dataclass
class _File:
    """One file on its way: its text, where things stand in it, and what is wrong with it."""

    path: Path
    text: str
    within: Keys = ()
    tables: PolicyFile | None = None
    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _places: Places | None = None

    @property
    def places(self) -> Places:
        if self._places is None:
            self._places = locate(self.text)
        return self._places

    def read(self, data: dict[str, Any], model: type[PolicyFile] = PolicyFile) -> None:
        self.data = data
        try:
            self.tables = model.model_validate(data)
        except ValidationError as error:
            self.problems += from_pydantic(error, model)

    @cached_property
    def name(self) -> str:
        """The file as people type it."""
        return shown_path(self.path)

    def spot(self, path: Keys) -> Spot:
        place = self.places.of_key((*self.within, *path))
        return Spot(self.name, place.line, place.column)

    def faults(self) -> list[Fault]:
        found: dict[Fault, None] = {}
        for problem in self.problems:
            path = (*self.within, *problem.path)
            place = self.places.of_key(path) if problem.at == "key" else self.places.of_value(path)
            key = key_text(problem.path, self.data)
            file = shown_path(self.path)
            fault = Fault(file, place.line, place.column, key, problem.what, problem.value, problem.remedy)
            found[fault] = None
        return list(found)


def shown_path(path: Path) -> str:
    """A path as people type it: relative to here where it lies below."""
    try:
        return path.resolve().relative_to(Path(os.getcwd()).resolve()).as_posix()  # noqa: PTH109
    except ValueError:
        return str(path)


def _from_config(path: Path, text: str, data: dict[str, Any]) -> Loaded:
    config = _config(path) if "route" in data else None
    section = data.get("policy")
    if not isinstance(section, dict):
        remedy = 'add [policy] with include = ["policy/*.toml"], or name a policy file'
        raise FaultyPolicy([Fault(shown_path(path), 1, 1, "policy", "there is no policy", "", remedy)])
    first = _File(path, text, ("policy",))
    first.read(section, PolicySection)
    files, includes = [first], []
    if isinstance(first.tables, PolicySection):
        for number, pattern in enumerate(first.tables.include):
            found = sorted(p for p in path.parent.glob(pattern) if p.is_file())
            includes.append(Include(pattern, len(found), first.spot(("include", number))))
            files += [_included(file) for file in found]
    snapshot = first.tables.metadata if isinstance(first.tables, PolicySection) else None
    mirrored = _mirrored(config)
    return _loaded(files, mirrored, tuple(includes), config, path.parent / snapshot if snapshot else None)


def _config(path: Path) -> Config:
    from tieline.sync.config import load_config

    return load_config(path)


def _mirrored(config: Config | None) -> dict[str, Kind]:
    """The fields that the configuration mirrors; rules may ask each of them."""
    if config is None:
        return {}
    return {f.name: KINDS[f.kind] for route in config.routes for f in config.fields_for(route)}


def _included(path: Path) -> _File:
    try:
        text = read_text(path)
        file = _File(path, text)
        file.read(parse_toml(path, text))
    except FaultyConfig as error:
        raise FaultyPolicy(error.faults) from None
    return file


def _loaded(
    files: list[_File],
    mirrored: dict[str, Kind],
    includes: tuple[Include, ...],
    config: Config | None,
    metadata: Path | None,
) -> Loaded:
    broken = [fault for file in files if file.tables is None for fault in file.faults()]
    if broken:
        raise FaultyPolicy(broken)
    pieces = [Piece(file.tables, file.spot, file.problems) for file in files if file.tables is not None]
    stock, spot = _stock(config, files)
    policy = build(pieces, mirrored, stock, spot)
    faults = [fault for file in files for fault in file.faults()]
    if faults:
        raise FaultyPolicy(faults)
    texts = {shown_path(file.path): file.text for file in files}
    return Loaded(replace(policy, files=tuple(texts)), texts, includes, config, metadata)


def _stock(config: Config | None, files: list[_File]) -> tuple[tuple[tuple[str, ...], ...], Spot]:
    """The matrix that the configuration mirrors by, in names of the policy's vocabulary, and its place."""
    if config is None or config.priority is None:
        return (), NOWHERE
    tables = [file.tables for file in files if file.tables is not None]
    terms = [term for table in tables for term in table.vocabulary.get("priority", ())]
    names = {own: term.name for term in terms for own in term.servicenow or (term.name,)}
    rows = tuple(tuple(names.get(str(cell), str(cell)) for cell in row) for row in config.priority.matrix)
    return rows, matrix_spot(config, files[0].name, files[0].text)


def matrix_spot(config: Config, name: str, text: str) -> Spot:
    """Where a configuration says how impact and urgency make the priority."""
    stated = config.priority is not None and "matrix" in config.priority.model_fields_set
    place = locate(text).of_key(("priority", "matrix") if stated else ("priority",))
    return Spot(name, place.line, place.column)


def watched(config: Config, side: Side) -> dict[str, FieldKind]:
    """What the policy of a configuration needs of a side's records beyond what is mirrored, and how it is
    read. FaultyPolicy if the policy cannot be read.
    """
    from tieline.sync.policy.bridge import fields_of
    from tieline.sync.policy.sources import columns
    from tieline.sync.vocabulary import field_kinds, vocabulary

    policy = load_policy(config.path).policy
    found: dict[str, FieldKind] = {}
    for route in config.routes:
        mirrored = {name for unit in vocabulary(config, route).units for name in fields_of(unit)}
        found |= columns(policy, mirrored, side)
    if side == "jira" and policy.links is not None and any(rule.label for rule in policy.links.closure):
        found["labels"] = "set"  # one is added, and the others are kept
    known = field_kinds(config, side)
    return {name: kind for name, kind in found.items() if name not in known}


def engine_of(config: Config) -> tuple[Engine, str]:
    """The policy of a configuration, ready for a pass, and a token of its text.

    PolicyError if it cannot be read or used, or makes another priority than the one that is mirrored.
    """
    from tieline.sync.policy.check_config import matrices

    loaded = load_policy(config.path)
    for finding in matrices(replace(loaded, config=config)):
        raise PolicyError(str(finding))
    texts = "\0".join(loaded.texts.values())
    return compiled(loaded), hashlib.sha256(texts.encode()).hexdigest()[:16]


def compiled(loaded: Loaded) -> Engine:
    """The policy ready to be applied. PolicyError where a finding makes that impossible."""
    for entry in loaded.policy.entries:
        for atom in atoms(entry.when):
            if atom.calendar and atom.calendar not in loaded.policy.calendars:
                what = f"{entry.spot}: there is no calendar {atom.calendar!r}"
                raise PolicyError(f"{what}; `tieline policy check` says more")
    try:
        return Engine(loaded.policy)
    except TooManyAlternatives as error:
        raise PolicyError(f"a rule has {error}; `tieline policy check` says which") from None

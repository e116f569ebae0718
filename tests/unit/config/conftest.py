"""A configuration to change and to load, and the faults that it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tieline.sync.config import Config, Fault, FaultyConfig, load_config

Load = Callable[..., Config]
Faults = Callable[..., tuple[Fault, ...]]


@pytest.fixture(scope="session")
def example(root: Path) -> str:
    return (root / "config.example.toml").read_text(encoding="utf-8")


@pytest.fixture
def load(tmp_path: Path, example: str) -> Load:
    """Loads the example, each `old` replaced by its `new`; or the given bytes."""

    def load(*changes: tuple[str, str], content: bytes | None = None) -> Config:
        text = example
        for old, new in changes:
            assert old in text, f"the example has no {old!r}"
            text = text.replace(old, new, 1)
        file = tmp_path / "config.toml"
        file.write_bytes(text.encode() if content is None else content)
        return load_config(file)

    return load


@pytest.fixture
def faults(load: Load) -> Faults:
    """The faults of what `load` would load; it must have some."""

    def faults(*changes: tuple[str, str], content: bytes | None = None) -> tuple[Fault, ...]:
        with pytest.raises(FaultyConfig) as caught:
            load(*changes, content=content)
        assert caught.value.faults
        assert str(caught.value) == "\n".join(map(str, caught.value.faults))
        return caught.value.faults

    return faults

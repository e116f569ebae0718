"""docs/rich-text.md shows every node and mark of the document format, as the converters really write them."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tieline.connectors.richtext import from_adf, from_servicenow, from_wiki, to_adf, to_servicenow, to_wiki
from tieline.connectors.richtext.model import CONTENT, INLINE, MARK_ATTRS

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "generate_rich_text.py")))
SAMPLES: dict[str, dict[str, Any]] = {**GENERATOR.NODES, **GENERATOR.MARKS}
ALIEN = {
    "extension",
    "bodiedExtension",
    "inlineExtension",
    "syncBlock",
    "bodiedSyncBlock",
    "fragment",
    "dataConsumer",
}


def same(thing: Any) -> Any:
    return thing


def test_the_page_is_in_step_with_the_converters() -> None:
    assert GENERATOR.PAGE.read_text(encoding="utf-8") == GENERATOR.page(), "run `make docs`"


def test_every_node_and_mark_has_a_row() -> None:
    named = {name for names in GENERATOR.NODES for name in names.split(", ")}
    assert named == (set(CONTENT) | INLINE) - {"doc"}
    assert set(GENERATOR.MARKS) == set(MARK_ATTRS)


def bare(node: Any) -> Any:
    """A document without ids that mean nothing."""
    if isinstance(node, list):
        return [bare(child) for child in node]
    if not isinstance(node, dict):
        return node
    kept = {key: bare(value) for key, value in node.items() if key != "localId"}
    return {key: value for key, value in kept.items() if key != "attrs" or value}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_is_read_back(name: str) -> None:
    sample = GENERATOR.document(SAMPLES[name])
    markdown = from_adf(sample)
    assert bare(to_adf(markdown)) == bare(sample)
    assert from_wiki(to_wiki(markdown)) == markdown
    if name not in ALIEN:
        entry = to_servicenow(markdown, mention=same, image=same)
        assert from_servicenow(entry, mention=same, image=same) == markdown

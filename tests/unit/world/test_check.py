"""The check reads documents and pairs markers by itself, and cannot be fooled by what it does not read."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.check import Difference, document_text


def paragraph(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(nodes)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


BREAK = {"type": "hardBreak"}


def test_a_document_is_read_line_by_line() -> None:
    items = [{"type": "listItem", "content": [paragraph(text(word))]} for word in ("one", "two")]
    document = {
        "type": "doc", "version": 1,
        "content": [
            paragraph(text("a "), {**text("bold"), "marks": [{"type": "strong"}]}, BREAK, text("b")),
            paragraph(),
            {"type": "bulletList", "content": items},
            {"type": "codeBlock", "content": [text("x = 1\ny = 2")]},
        ],
    }  # fmt: skip
    assert document_text(document).split("\n") == ["a bold", "b", "", "one", "two", "x = 1", "y = 2"]


@given(st.lists(st.lists(st.text("ab ", min_size=1), min_size=1)))
def test_no_word_of_a_document_is_lost(paragraphs: list[list[str]]) -> None:
    content = [paragraph(*map(text, words)) for words in paragraphs]
    shown = document_text({"type": "doc", "version": 1, "content": content})
    assert shown.replace("\n", "") == "".join(word for words in paragraphs for word in words)


def test_a_difference_says_what_is_where() -> None:
    entry = Difference("OPS-1", "people left", "summary", "old", "new")
    assert str(entry) == "OPS-1: summary is 'new', people left 'old'"

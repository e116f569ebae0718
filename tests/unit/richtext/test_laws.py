"""Laws of rich text: what any side gives back for what was written has the same canonical form again."""

# ruff: noqa: E501

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.unit.richtext.documents import documents, texts
from tieline.connectors.richtext import (
    Mention,
    adf_to_text,
    canonical,
    canonical_text,
    from_adf,
    from_servicenow,
    from_wiki,
    literal,
    plain,
    text_to_adf,
    text_to_wiki,
    to_adf,
    to_servicenow,
    to_wiki,
    wiki_to_text,
)

SHARED = Path(os.environ.get("TIELINE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
MANY = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(MANY, max_examples=6)  # the schema has many alternatives
JOURNAL = "\n".join(
    [
        "2026-11-21 12:00:01,123 ERROR [pool-1] com.acme.Foo$Bar.<init>(Foo.java:7) - C:\\temp\\*.log {id=1}",
        "\tat java.base/java.lang.Thread.run(Thread.java:829)",
        "    ... 12 more",
        "# a comment line",
        "SELECT * FROM users WHERE a <> b AND c LIKE '%_x%'; -- all",
        "",
        "",
        "- not a list",
        "1. nor this",
        "> nor a quote",
        "*important* _please_ ~now~ `code` | cell | cell",
        "h1. Heading? bq. {code}x{code} {html}<b>{html} [~admin] [x|http://a.b] !a.png!",
        "-- ",
        "Jürgen Müller · שלום עולם · 😀 · https://example.com/a_b?c=1&d=2.",
    ]
)


def same(thing: Any) -> Any:
    return thing


@pytest.fixture(scope="module")
def faults() -> Callable[[Any], str | None]:
    path = SHARED / "api/specs/adf-schema.full.json"
    if not path.exists():
        pytest.skip("the vendor's document schema is not here")
    import jsonschema

    schema = json.loads(path.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)

    def fault(document: Any) -> str | None:
        if validator.is_valid(document):
            return None
        error = jsonschema.exceptions.best_match(validator.iter_errors(document))
        return None if error is None else f"{error.message[:300]} at {list(error.absolute_path)}"

    return fault


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.get("content", ()):
        yield from nodes(child)


def without(node: Any, *kinds: str) -> Any:
    """The document with a word where nodes of these kinds were."""
    if node.get("type") in kinds:
        return {"type": "text", "text": "gone"}
    return {
        **node,
        **({"content": [without(c, *kinds) for c in node["content"]]} if "content" in node else {}),
    }


UNSAFE = {"type": "link", "attrs": {"href": "javascript:alert(1)"}}
ADDRESS = {"type": "text", "text": "https://example.com/a_b", "marks": [UNSAFE]}


@MANY
@given(documents())
@example({"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": [ADDRESS]}]})
def test_a_document_comes_back_from_jira_cloud(document: Any) -> None:
    markdown = from_adf(document)
    assert from_adf(to_adf(markdown)) == markdown
    assert canonical(markdown) == markdown == canonical_text(markdown)


@MANY
@given(documents())
def test_a_document_comes_back_from_wiki_markup(document: Any) -> None:
    markdown = from_adf(document)
    assert from_wiki(to_wiki(markdown)) == markdown


@MANY
@given(documents())
def test_a_document_comes_back_from_servicenow(document: Any) -> None:
    markdown = from_adf(without(document, "extension", "inlineExtension"))  # those never come from there
    entry = to_servicenow(markdown, mention=same, image=same)
    assert from_servicenow(entry, mention=same, image=same) == markdown
    assert not entry.startswith("[code]") or "\n" not in entry


@FEW
@given(document=documents())
def test_what_is_written_to_jira_cloud_is_valid(faults: Callable[[Any], str | None], document: Any) -> None:
    written = to_adf(from_adf(document))
    assert faults(written) is None
    for node in nodes(written):
        if node["type"] == "text":
            assert node["text"]
    for node in nodes(without(written, "codeBlock")):
        assert "\n" not in node.get("text", "")


@MANY
@given(documents())
def test_nothing_that_can_be_read_is_dropped(document: Any) -> None:
    markdown = from_adf(document)
    words = set((adf_to_text(document) or "").split())
    shown = plain(markdown) or ""
    assert not [word for word in words if word.isalnum() and word not in shown]
    for other in (from_wiki(to_wiki(markdown)), from_adf(to_adf(markdown))):
        assert plain(other) == plain(markdown)


@MANY
@given(texts(lines=True))
@example(JOURNAL)
@example("a\n\n\nb\n\n\n\nc")
@example("C:\\temp\\*")
def test_what_a_person_typed_stays_as_typed(text: str) -> None:
    markdown = literal(text)
    assert plain(markdown) == canonical_text(text)
    assert canonical(markdown) == markdown
    assert from_adf(to_adf(markdown)) == markdown == from_wiki(to_wiki(markdown))
    assert from_servicenow(to_servicenow(markdown)) == markdown
    assert adf_to_text(text_to_adf(text)) == canonical_text(text) == wiki_to_text(text_to_wiki(text))


@MANY
@given(texts(lines=True))
@example("- - -")
def test_any_text_has_a_reading_on_every_side(text: str) -> None:
    for markdown in (
        canonical(text),
        from_wiki(text),
        from_servicenow(text),
        from_servicenow(f"[code]{text}[/code]"),
    ):
        assert canonical(markdown) == markdown


@MANY
@given(documents(), texts(lines=True))
def test_an_edit_is_shown_and_leaves_the_rest_as_it_was(document: Any, text: str) -> None:
    before = adf_to_text(to_adf(from_adf(document))) or ""
    for edited in (text, f"{before}\n\n{text}", f"{text}\n\n{before}"):
        assert adf_to_text(text_to_adf(edited, document)) == canonical_text(edited)
    if before:
        assert text_to_adf(before, document) == to_adf(from_adf(document))


def test_a_comment_of_plain_words_is_plain_in_servicenow() -> None:
    assert to_servicenow(literal(JOURNAL)) == canonical_text(JOURNAL)


def test_nobody_is_mentioned_by_what_was_typed_on_the_other_side() -> None:
    typed = '[~admin] <mention id="5b10">@Bob</mention> @Bob'
    html = '[code]<span data-adf="mention" data-id="5b10">@Bob</span>[/code]'
    for markdown in (literal(typed), from_servicenow(typed), from_servicenow(html)):
        assert not [node for node in nodes(to_adf(markdown)) if node["type"] == "mention"]
        assert "[~" not in to_wiki(markdown).replace("\\[\\~", "")
    known = from_servicenow(html, mention=lambda m: Mention("557058:b", m.name))
    assert [node["attrs"] for node in nodes(to_adf(known)) if node["type"] == "mention"] == [
        {"id": "557058:b", "text": "@Bob"}
    ]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">click</a>",
    "<a href=\" jAvA\tscript:alert(1)\">click</a>",
    "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">click</a>",
    "<iframe src=https://evil.example></iframe>",
    "<div data-adf=\"extension\" data-extensionkey=\"k\" data-extensiontype=\"t\">x</div>",
    "<p onclick=alert(1) style=\"background:url(javascript:1)\">x</p>",
    "[code]<b>nested</b>[/code]",
    "<svg/onload=alert(1)>",
    "<b <script>alert(1)</script>",
]  # fmt: skip


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_comes_out_inert(html: str) -> None:
    markdown = from_servicenow(f"[code]{html}[/code]")
    document = to_adf(markdown)
    marks = [mark for node in nodes(document) for mark in node.get("marks", ())]
    assert all(mark["attrs"]["href"].startswith("http") for mark in marks if mark["type"] == "link")
    assert not [n for n in nodes(document) if n["type"] in {"extension", "inlineExtension", "media"}]
    again = to_servicenow(markdown).lower()
    assert not [
        bad for bad in ("<script", "onerror=", "onclick=", "onload=", "<iframe", "<svg") if bad in again
    ]
    assert 'href="javascript' not in again and again.count("[code]") <= 1


@pytest.mark.parametrize(
    "markup",
    ["{html}<script>alert(1)</script>{html}", "{include:x}", "{color:red", "[a|javascript:alert(1)]"],
)
def test_unknown_macros_are_text(markup: str) -> None:
    markdown = from_wiki(markup)
    assert "javascript" not in str([n.get("marks") for n in nodes(to_adf(markdown))])
    assert "{html}" not in to_wiki(markdown) and "{include" not in to_wiki(markdown).replace("\\{include", "")


def _samples() -> Iterator[Any]:
    path = SHARED / "api/specs/jira-cloud-v3.openapi.json"
    waiting: list[Any] = [json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []
    waiting += [
        json.loads(p.read_text(encoding="utf-8")) for p in (SHARED / "api/examples/jira").glob("*.json")
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and '"doc"' in value:
            try:
                waiting.append(json.loads(value))
            except ValueError:
                continue
        elif isinstance(value, dict):
            if value.get("type") == "doc" and isinstance(value.get("content"), list):
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def test_the_samples_of_the_vendor_come_back_whole(faults: Callable[[Any], str | None]) -> None:
    samples = list(_samples())
    assert samples
    for sample in samples:
        written = to_adf(from_adf(sample))
        assert faults(written) is None
        assert written["content"] == sample["content"]
        for side, back in ((to_wiki, from_wiki), (to_servicenow, from_servicenow)):
            assert back(side(from_adf(sample))) == from_adf(sample)


@pytest.mark.parametrize(
    "piece",
    ["[", "[a](", "![", "*a ", "_a", "`a", "a`", "<a ", "</", "<!--", "{code}", "{code:java}", "{quote}", "{anchor:adf.WyJ1Il0}",
     "{color:red}", "{*}", "{{", "[a|", "|", "* a\n", "> ", "https://a.b/(", "[code]", "[code]<b>", "<div>", "<ul><li>", "~~a", "??a"],
)  # fmt: skip
def test_no_text_takes_for_ever(piece: str) -> None:
    """A minute for what takes a second: time-outs tell a hang from a slow machine."""
    text = (piece * 8_000)[:8_000]
    assert plain(literal(text)) == canonical_text(text)
    for markdown in (canonical(text), from_wiki(text), from_servicenow(f"[code]{text}[/code]")):
        assert to_adf(markdown)["type"] == "doc"


def test_a_long_log_is_carried_whole() -> None:
    log = "\n".join(f"{n} {JOURNAL}" for n in range(140))
    assert len(log) > 60_000
    for back in (plain(literal(log)), wiki_to_text(text_to_wiki(log)), adf_to_text(text_to_adf(log))):
        assert back == canonical_text(log)


def test_a_bar_in_a_link_of_a_cell_ends_no_cell() -> None:
    markdown = canonical("| A |\n| --- |\n| [see \\[x\\] here](https://a.b) and \\| |")
    assert markdown is not None and from_wiki(to_wiki(markdown)) == markdown

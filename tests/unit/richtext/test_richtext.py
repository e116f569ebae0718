"""Laws and cases of canonical text, Atlassian Document Format and wiki markup."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tieline.connectors.richtext import (
    adf_to_text,
    canonical_text,
    text_to_adf,
    text_to_wiki,
    wiki_to_text,
)

# Made of what means something to either format, so that few tries meet many of its rules.
_MARKUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "\\", "\\\\", "&", "#92;", "amp;", "amp", "&lt;", "#", "*", "_", "-", "--", "----", "+", "^",
                "~", "?", "??", "!", "{", "}", "[", "]", "|", "||", "h1. ", "bq. ", "(", ")", ":)", "(y)",
                "https://example.com/a_b", "?a=1", "&b=2", "https://", "a", "Z", "9", "é", " ", "\t", "\n",
                "\n\n", "\r\n", "\r", "\x00", "\x85", "\u2028", "\ud800", "=", ";", "x41;", ".", "'", '"',
            ]
        ),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)  # fmt: skip
_TEXT = st.one_of(_MARKUP, st.text())


@given(_TEXT)
@example("\r\x00\n x \n\t")
def test_canonical_text_is_a_fixed_point(text: str) -> None:
    once = canonical_text(text)
    assert canonical_text(once) == once
    assert once is None or (once.strip() and not re.search(r"[ \t\r]$|[\x00-\x08\r]", once, re.MULTILINE))


@given(_TEXT)
@example("a\n\n\nb\n\n\n\nc")
def test_adf_keeps_every_text(text: str) -> None:
    document = json.loads(json.dumps(text_to_adf(text)))
    assert adf_to_text(document) == canonical_text(text)


@given(_TEXT)
@example("C:\\temp\\*.log on \\\\server\\share and &#92; &amp;amp;")
def test_wiki_keeps_every_text(text: str) -> None:
    assert wiki_to_text(text_to_wiki(text)) == canonical_text(text)


@given(_TEXT)
def test_reading_what_a_person_typed_is_canonical(text: str) -> None:
    for read in (wiki_to_text(text), adf_to_text(text)):
        assert canonical_text(read) == read


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        ("", None),
        (" \r\n\t\n", None),
        ("  indented\r\n\r\nend  \n\n", "  indented\n\nend"),
        ("bell\x07 and\x9f more", "bell and more"),
        ("half \ud83d pair", "half \ufffd pair"),
    ],
)
def test_canonical_text(given: str | None, wanted: str | None) -> None:
    assert canonical_text(given) == wanted


@pytest.mark.parametrize(
    ("plain", "markup"),
    [
        ("foo_bar-baz 2 * 3 + 4 (n/a) Help!", "foo_bar-baz 2 * 3 + 4 (n/a) Help!"),
        ("C:\\temp\\new", "C:\\temp\\new"),
        ("\\\\srv\\x", "&#92;\\srv\\x"),
        ("*bold* _it_ {code} [x|y]", "\\*bold* \\_it_ \\{code\\} \\[x\\|y\\]"),
        ("- one\n  # two\n----", "\\- one\n  \\# two\n\\-\\-\\-\\-"),
        ("h1. Title\nbq. said", "h1\\. Title\nbq\\. said"),
        ("see https://e.com/a_b?x=1&y=_2_ !", "see https://e.com/a_b?x=1&y=_2_ !"),
        ("&lt; AT&T &nbsp;", "&amp;lt; AT&T &amp;nbsp;"),
        (":) (y) (x)", "\\:) \\(y) \\(x)"),
    ],
)
def test_text_to_wiki_escapes_what_would_render_and_nothing_else(plain: str, markup: str) -> None:
    assert text_to_wiki(plain) == markup
    assert wiki_to_text(markup) == plain


def test_wiki_references_resolve_and_unknown_ones_stay() -> None:
    assert wiki_to_text("&lt;b&gt; &#65;&#x42; &nosuch; &#0; &#x110000;") == "<b> AB &nosuch; &#0; &#x110000;"


def _text(value: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": value, **({"marks": list(marks)} if marks else {})}


def _p(*content: Any) -> dict[str, Any]:
    return {"type": "paragraph", "content": [_text(c) if isinstance(c, str) else c for c in content]}


def _node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"type": kind, "content": list(content)}
    return {**node, "attrs": attrs} if attrs else node


def _link(href: str) -> dict[str, Any]:
    return {"type": "link", "attrs": {"href": href}}


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        ([_node("heading", _text("Title"), level=2), _p("body")], "Title\n\nbody"),
        ([_p(_text("bold", {"type": "strong"}), " and ", _text("code", {"type": "code"}))], "bold and code"),
        (
            [
                _node(
                    "bulletList",
                    _node("listItem", _p("a"), _node("orderedList", _node("listItem", _p("b")), order=3)),
                    _node("listItem", _p("c"), _p("d")),
                )
            ],
            "- a\n  3. b\n- c\n  d",
        ),
        (
            [
                _node(
                    "taskList",
                    _node("taskItem", _text("did"), state="DONE"),
                    _node("taskList", _node("taskItem", _text("inner"), state="TODO")),
                    _node("taskItem", _text("todo"), state="TODO"),
                )
            ],
            "[x] did\n  [ ] inner\n[ ] todo",
        ),
        ([_node("decisionList", _node("decisionItem", _text("ship")))], "- ship"),
        (
            [
                _node(
                    "table",
                    _node("tableRow", _node("tableHeader", _p("h1")), _node("tableHeader", _p("h2"))),
                    _node("tableRow", _node("tableCell", _p("1"), _p("2")), _node("tableCell", _p())),
                )
            ],
            "| h1 | h2 |\n| 1 2 |  |",
        ),
        ([_node("codeBlock", _text("x = 1\n\ny = 2"))], "x = 1\n\ny = 2"),
        ([_node("panel", _p("careful"), panelType="warning"), _node("rule")], "careful\n\n----"),
        ([_node("blockquote", _p("a"), _p("b"))], "> a\n>\n> b"),
        ([_node("expand", _p("inside"), title="More")], "More\ninside"),
        (
            [
                _p(
                    _node("mention", id="1", text="@Ann"), " ", _node("mention", id="2"), " ",
                    _node("emoji", shortName=":smile:", text="😄"), _node("emoji", shortName=":x:"), " ",
                    _node("date", timestamp="1582152559000"), " ", _node("date", timestamp="soon"), " ",
                    _node("status", text="DONE", color="green"), _node("placeholder", text=" fill in"),
                )
            ],
            "@Ann @2 😄:x: 2020-02-19 soon DONE fill in",
        ),
        (
            [
                _p(
                    _text("the ", _link("https://e.com/1")),
                    _text("page", _link("https://e.com/1"), {"type": "em"}),
                    " and ", _text("https://e.com/2", _link("https://e.com/2")), " and ",
                    _text("a@e.com", _link("mailto:a@e.com")),
                )
            ],
            "the page (https://e.com/1) and https://e.com/2 and a@e.com",
        ),
        (
            [
                _p(_node("inlineCard", url="https://e.com")),
                _node("blockCard", data={"name": "N", "url": "u"}),
                _node("embedCard", url="https://v.com", layout="wide"),
            ],
            "https://e.com\n\nN u\n\nhttps://v.com",
        ),
        (
            [
                _node("mediaSingle", _node("media", id="1", alt="shot.png"), _node("caption", _text("see"))),
                _node("mediaGroup", _node("media", type="external", url="https://e.com/i.png")),
                _p(_node("mediaInline", id="1", alt="log.txt")),
            ],
            "shot.png\nsee\n\nhttps://e.com/i.png\n\nlog.txt",
        ),
        (
            [
                _node("layoutSection", _node("layoutColumn", _p("left")), _node("layoutColumn", _p("right"))),
                _node("bodiedExtension", _p("body"), text="Macro"), _node("extension", text="Chart"),
                _node("notYetInvented", _node("alsoNew", _p("kept"), _text("too"))),
            ],
            "left\n\nright\n\nMacro\nbody\n\nChart\n\nkept\n\ntoo",
        ),
        ([{"type": "paragraph"}, "broken", {"content": 3}, {"type": "text", "attrs": 1, "marks": 2}], None),
    ],
)  # fmt: skip
def test_adf_to_text_keeps_what_can_be_read(nodes: list[Any], wanted: str | None) -> None:
    assert adf_to_text({"version": 1, "type": "doc", "content": nodes}) == wanted


@pytest.mark.parametrize("document", [None, 3, [], {}, {"content": "x"}, {"content": [None, 1]}])
def test_what_is_no_document_has_no_text(document: object) -> None:
    assert adf_to_text(document) is None


# The schema itself: every node type that can hold text gives it, and what we write is valid.


@pytest.fixture(scope="module")
def schema(shared: Path) -> dict[str, Any]:
    path = shared / "api" / "specs" / "adf-schema.full.json"
    definitions: dict[str, Any] = json.loads(path.read_text())["definitions"]
    return definitions


def test_no_node_type_of_the_schema_loses_the_text_inside_it(schema: dict[str, Any]) -> None:
    for name, definition in schema.items():
        properties = definition.get("properties", {})
        if name.endswith("_node") and "content" in properties and name != "text_node":
            kind = properties["type"]["enum"][0]
            inner = _text("needle") if kind != "doc" else _p("needle")
            found = adf_to_text({"type": "doc", "content": [_node(kind, _node("x", inner))]})
            assert found is not None and "needle" in found, kind


def test_no_readable_attribute_of_the_schema_is_lost(schema: dict[str, Any]) -> None:
    readable = {"text", "title", "alt", "url", "shortName"}
    checked = 0
    for definition in schema.values():
        properties = definition.get("properties", {})
        attrs = properties.get("attrs", {})
        variants = [attrs, *attrs.get("anyOf", [])]
        names = {name for variant in variants for name in variant.get("properties", {})}
        kinds = properties.get("type", {}).get("enum", ["doc"])
        for name in names & readable - ({"text"} if kinds == ["hardBreak"] else set()):
            if kinds[0].endswith(("Mark", "link")) or "marks" in kinds:
                continue
            found = adf_to_text({"type": "doc", "content": [{"type": kinds[0], "attrs": {name: "needle"}}]})
            assert found is not None and "needle" in found, (kinds[0], name)
            checked += 1
    assert checked >= 12


class _Validator:
    """The part of JSON Schema that the published schema uses."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions

    def valid(self, schema: dict[str, Any], value: Any) -> bool:
        if "$ref" in schema:
            return self.valid(self.definitions[schema["$ref"].rsplit("/", 1)[1]], value)
        if unknown := schema.keys() - self._KEYWORDS:
            raise AssertionError(f"the schema uses a keyword that is not checked here: {unknown}")
        return (
            all(self.valid(part, value) for part in schema.get("allOf", []))
            and ("anyOf" not in schema or any(self.valid(part, value) for part in schema["anyOf"]))
            and ("enum" not in schema or value in schema["enum"])
            and ("type" not in schema or isinstance(value, self._TYPES[schema["type"]]))
            and (not isinstance(value, dict) or self._object(schema, value))
            and (not isinstance(value, list) or self._array(schema, value))
            and (not isinstance(value, str) or len(value) >= schema.get("minLength", 0))
        )

    _KEYWORDS = frozenset(
        {
            "type", "properties", "required", "additionalProperties", "enum", "anyOf", "allOf", "items",
            "minItems", "maxItems", "minLength", "pattern", "minimum", "maximum",
        }
    )  # fmt: skip
    _TYPES: ClassVar[dict[str, type | tuple[type, ...]]] = {
        "object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool,
    }  # fmt: skip

    def _object(self, schema: dict[str, Any], value: dict[str, Any]) -> bool:
        properties = schema.get("properties", {})
        return (
            set(schema.get("required", [])) <= value.keys()
            and (schema.get("additionalProperties", True) is not False or value.keys() <= properties.keys())
            and all(self.valid(properties[key], item) for key, item in value.items() if key in properties)
        )

    def _array(self, schema: dict[str, Any], value: list[Any]) -> bool:
        items = schema.get("items", {})
        options = items if isinstance(items, list) else [items]
        fits = all(any(self.valid(option, item) for option in options) for item in value)
        return fits and schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))


@given(text=_TEXT)
@example(text="")
@example(text="\n\n\na\n\n\n\n\nb")
def test_what_we_write_is_valid_against_the_schema(schema: dict[str, Any], text: str) -> None:
    validator = _Validator(schema)
    document = text_to_adf(text)
    assert validator.valid({"$ref": "#/definitions/doc_node"}, document)
    assert not any("\n" in node.get("text", "") for block in document["content"] for node in block["content"])


def test_the_validator_refuses_what_the_schema_refuses(schema: dict[str, Any]) -> None:
    validator = _Validator(schema)
    for content in (
        [_p(_text(""))],
        [_text("bare")],
        [{"type": "hardBreak"}],
        [{"type": "paragraph", "x": 1}],
    ):
        assert not validator.valid(
            {"$ref": "#/definitions/doc_node"}, {"version": 1, "type": "doc", "content": content}
        )

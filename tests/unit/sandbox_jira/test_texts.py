"""Documents and wiki markup: what is taken and refused, how length is counted, both views of a text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox, adf, wiki
from tieline.connectors.sandbox.jira.settings import Settings

from .conftest import EMAIL, SECRET, START, Client, doc


def paragraph(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": list(nodes)}]}


def text(value: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": value} | ({"marks": list(marks)} if marks else {})


@pytest.mark.parametrize("value", ["plain", 5, ["x"], {"version": 1, "content": []}, {"type": "paragraph"}])
def test_what_is_no_document_is_refused(api: Client, value: object) -> None:
    issue = api.create()
    reply = api("PUT", f"/issue/{issue}", {"fields": {"description": value}})
    message = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    assert (reply.status, reply.body["errors"]) == (400, {"description": message})


@pytest.mark.parametrize(
    "value",
    [
        paragraph(text("")),
        paragraph(text("a\nb")),
        paragraph({"type": "text"}),
        paragraph({"type": "marquee"}),
        paragraph({"type": "paragraph", "content": []}),
        paragraph(text("x", {"type": "blink"})),
        {"type": "doc", "version": 1, "content": [text("loose")]},
        {"type": "doc", "version": 1, "content": [{"type": "bulletList", "content": []}]},
        {"type": "doc", "version": 2, "content": []},
        {"type": "doc", "version": 1},
    ],
)
def test_broken_documents_are_refused(api: Client, value: dict[str, Any]) -> None:
    issue = api.create()
    reply = api("PUT", f"/issue/{issue}", {"fields": {"description": value}})
    assert (reply.status, reply.body) == (400, {"errorMessages": ["INVALID_INPUT"], "errors": {}})
    known = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "S"}
    created = api("POST", "/issue", {"fields": known | {"description": value}})
    assert created.status == 400 and "unsupported content" in created.body["errorMessages"][0]


def test_line_breaks_are_fine_in_code(api: Client) -> None:
    value = {"type": "doc", "version": 1, "content": [{"type": "codeBlock", "content": [text("a\nb")]}]}
    assert api.read(api.create(description=value))["fields"]["description"] == value


def test_the_limit_counts_the_converted_text(clock: VirtualClock) -> None:
    api = Client(JiraSandbox(clock, accounts={EMAIL: SECRET}, settings=Settings(text_limit=1000)))
    issue = api.create()

    def put(value: dict[str, Any]) -> int:
        return api("PUT", f"/issue/{issue}", {"fields": {"description": value}}).status

    assert put(paragraph(text("x" * 1000))) == 204
    assert put(paragraph(text("x" * 1001))) == 400
    assert put(paragraph(text("x" * 999, {"type": "strong"}))) == 400  # two stars more in wiki markup
    assert put(paragraph(text("{" * 501))) == 400  # each is escaped
    reply = api("PUT", f"/issue/{issue}", {"fields": {"description": paragraph(text("x" * 1001))}})
    assert reply.body["errors"]["description"] == (
        "The entered text is too long. It exceeds the allowed limit of 1,000 characters."
    )


def test_both_versions_of_the_api_show_one_text(api: Client, site: JiraSandbox) -> None:
    v2 = Client(site, "/rest/api/2")
    link = text("it", {"type": "link", "attrs": {"href": "https://x.example/a"}})
    value = {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [text("Why")]},
            {"type": "paragraph", "content": [text("so", {"type": "strong"}), text(" and "), link]},
            {"type": "bulletList", "content": [
                {"type": "listItem", "content": [{"type": "paragraph", "content": [text("one")]}]},
            ]},
        ],
    }  # fmt: skip
    issue = api.create(description=value)
    markup = "h2. Why\n\n*so* and [it|https://x.example/a]\n\n* one"
    assert v2.read(issue)["fields"]["description"] == markup
    assert v2("PUT", f"/issue/{issue}", {"fields": {"description": markup + "\n\n_end_"}}).status == 204
    content = api.read(issue)["fields"]["description"]["content"]
    assert content[:3] == value["content"]
    assert content[3] == {"type": "paragraph", "content": [text("end", {"type": "em"})]}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n")))
def test_typed_text_becomes_a_valid_document_that_reads_the_same(typed: str) -> None:
    document = adf.from_plain(typed)
    assert adf.is_valid(document) and not adf.has_line_breaks(document)
    assert adf.to_plain(document) == typed.strip("\n")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_any_markup_becomes_a_document_that_jira_would_take(markup: str) -> None:
    document = wiki.to_adf(markup.replace("\r", ""))
    assert adf.is_valid(document) and not adf.has_line_breaks(document)


def test_texts_typed_by_people_are_plain(site: JiraSandbox, api: Client) -> None:
    typed = "First *line*\nsecond\n\nnext {block}"
    ticket = site.create("abel.tuter", "OPS", "Incident", {"summary": "S", "description": typed})
    assert ticket.values["description"] == typed and ticket.created == START
    assert api.read(ticket.id)["fields"]["description"]["content"][0]["content"][1] == {"type": "hardBreak"}
    emptied = site.update("abel.tuter", ticket.id, {"description": None})
    assert emptied.values["description"] is None
    assert doc("x") != api.read(ticket.id)["fields"]["description"] is None

"""Documents for the laws of rich text: valid ones, broken ones, and texts made of what means something."""

# ruff: noqa: E501, C901

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SIGNS = [
    "\\", "\\\\", "&", "#92;", "amp;", "&lt;", "&#x41;", "#", "# ", "*", "**", "_", "__", "-", "- ", "--", "---", "----", "+", "+ ",
    "^", "~", "~~", "?", "??", "!", "{", "}", "{code}", "{noformat}", "{html}", "{color:red}", "{{", "}}", "{*}", "[", "]", "[~bob]", "[x] ", "[ ] ",
    "[^a.txt]", "!a.png!", "|", "||", "h1. ", "bq. ", "(", ")", "](", ":)", "(y)", "(/)", "> ", ">", "1. ", "2) ", "=", "===", "```", "`", "~~~",
    "<b>", "</b>", "<br>", "<", "<!--", "<status color=\"red\">", "</status>", "<panel>", "<script>", "[code]", "[/code]",
    "https://example.com/a_b", "http://x.y/?a=1&b=2", "https://", "mailto:a@b.c", "a", "Z", "9", "é", "word", " ", "  ", "    ", "\t",
    "\xa0", "\u3000", "\u200b", "\u2028", "😀", "שלום", "\u202e", "=", ";", ".", "'", '"', "☐", "@bob", "C:\\temp\\*", "\\n", "$", "%",
]  # fmt: skip


def texts(*, lines: bool = False) -> st.SearchStrategy[str]:
    extra = ["\n", "\n\n", "\n\n\n", "\r\n", "\x00", "\ud800"] if lines else []
    sign = st.sampled_from(SIGNS + extra)
    free = st.text(st.characters(codec="utf-8", exclude_characters="" if lines else "\r\n\x00"), max_size=3)
    return st.lists(st.one_of(sign, sign, free), min_size=1, max_size=8).map("".join)


def _of(kind: str, content: Any = None, **attrs: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"type": kind}
    if attrs:
        node["attrs"] = attrs
    if content is not None:
        node["content"] = content
    return node


_COLOR = st.sampled_from(["#ff0000", "#00aa11"])
_HREF = st.one_of(
    st.sampled_from(
        ["https://a.b", "http://x.y/a b(c)?q=\"1\"<>&amp;", "mailto:a@b.c", "javascript:alert(1)", "/browse/X-1", "#a", "https://ü.de/ä|b]", "https://a.b/x_y*"]
    ),
    texts(),
)  # fmt: skip


@st.composite
def _mark(draw: Any) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(
            ["strong", "em", "strike", "underline", "code", "subsup", "textColor", "backgroundColor", "link", "annotation"]
        )
    )  # fmt: skip
    attrs = {
        "subsup": {"type": draw(st.sampled_from(["sub", "sup"]))},
        "textColor": {"color": draw(_COLOR)},
        "backgroundColor": {"color": draw(_COLOR)},
        "link": {"href": draw(_HREF)},
        "annotation": {"id": "a1", "annotationType": "inlineComment"},
    }.get(kind)
    return {"type": kind, **({"attrs": attrs} if attrs else {})}


@st.composite
def inlines(draw: Any, *, marks: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = draw(st.lists(_inline(marks), max_size=4))
    return found


@st.composite
def _inline(draw: Any, marks: bool) -> dict[str, Any]:
    match draw(
        st.sampled_from(
            ["text"] * 6
            + ["break", "mention", "emoji", "date", "status", "card", "placeholder", "media", "extension"]
        )
    ):
        case "text":
            node = _of("text") | {"text": draw(texts())}
            if marks and (found := draw(st.lists(_mark(), max_size=3))):
                node["marks"] = found
            return node
        case "break":
            return _of("hardBreak")
        case "mention":
            return _of("mention", id=draw(st.sampled_from(["5b10:a", "a'\"><"])), text="@" + draw(texts()))
        case "emoji":
            return _of(
                "emoji",
                shortName=draw(st.sampled_from([":grinning:", ":x y:"])),
                text=draw(st.sampled_from(["😀", ":x:"])),
            )
        case "date":
            return _of("date", timestamp=draw(st.sampled_from(["1582152559000", "0", "no"])))
        case "status":
            return _of(
                "status",
                text=draw(texts()),
                color=draw(st.sampled_from(["red", "neutral", "#123456", "odd"])),
            )
        case "card":
            return _of("inlineCard", url=draw(_HREF))
        case "placeholder":
            return _of("placeholder", text=draw(texts()))
        case "media":
            return _of("mediaInline", id="m1", collection="c", alt=draw(texts()))
        case _:
            return _of("inlineExtension", extensionKey="k", extensionType="t", text=draw(texts()))


_LEAVES = ["rule", "media", "group", "card", "embed", "extension", "code"]


@st.composite
def block(draw: Any, depth: int = 2) -> dict[str, Any]:
    inner = (
        ["bullet", "ordered", "quote", "panel", "expand", "tasks", "decisions", "table", "simple", "layout"]
        if depth
        else []
    )
    kind = draw(st.sampled_from(["paragraph"] * 4 + ["heading", "code"] + _LEAVES + inner * 2))

    def few() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = draw(st.lists(block(depth - 1), min_size=0, max_size=2))
        return found

    match kind:
        case "paragraph":
            node = _of("paragraph", draw(inlines()))
            if draw(st.integers(0, 9)) == 0:
                node["marks"] = [{"type": "alignment", "attrs": {"align": "center"}}]
            return node
        case "heading":
            return _of("heading", draw(inlines()), level=draw(st.integers(1, 6)))
        case "code":
            language = draw(st.sampled_from([None, "java", "c++", "two words", "a`b"]))
            return _of(
                "codeBlock",
                [{"type": "text", "text": draw(texts(lines=True))}],
                **({"language": language} if language else {}),
            )
        case "rule":
            return _of("rule")
        case "media":
            return _of(
                "mediaSingle",
                [_of("media", type="external", url="https://a.b/x.png", alt=draw(texts()))],
                layout="center",
            )
        case "group":
            return _of("mediaGroup", [_of("media", type="file", id="m1", collection="c", alt=draw(texts()))])
        case "card":
            return _of("blockCard", url=draw(_HREF))
        case "embed":
            return _of("embedCard", url="https://a.b", layout="wide")
        case "extension":
            return _of("extension", extensionKey="k", extensionType="t", parameters={"a": ["'\"<>", 1, None]})
        case "bullet":
            return _of("bulletList", [_of("listItem", few()) for _ in range(draw(st.integers(1, 3)))])
        case "ordered":
            return _of(
                "orderedList",
                [_of("listItem", few()) for _ in range(draw(st.integers(1, 3)))],
                order=draw(st.sampled_from([0, 1, 7])),
            )
        case "quote":
            return _of("blockquote", few())
        case "panel":
            return _of("panel", few(), panelType=draw(st.sampled_from(["info", "error", "custom"])))
        case "expand":
            return _of("expand", few(), title=draw(texts()))
        case "tasks":
            items = [
                _of("taskItem", draw(inlines()), state=draw(st.sampled_from(["TODO", "DONE"])), localId="x")
                for _ in range(2)
            ]
            return _of("taskList", [*items, _of("taskList", items, localId="z")], localId="y")
        case "decisions":
            return _of(
                "decisionList",
                [_of("decisionItem", draw(inlines()), state="DECIDED", localId="x")],
                localId="y",
            )
        case "layout":
            return _of(
                "layoutSection",
                [_of("layoutColumn", few(), width=50) for _ in range(draw(st.integers(1, 3)))],
            )
        case "simple":
            columns = draw(st.integers(1, 3))
            rows = [
                [_of(kind, [_of("paragraph", draw(inlines()))]) for _ in range(columns)]
                for kind in ("tableHeader", "tableCell")
            ]
            return _of("table", [_of("tableRow", row) for row in rows])
        case _:
            attrs = draw(st.sampled_from([{}, {"colspan": 2, "background": "#ffffff"}]))
            return _of(
                "table",
                [_of("tableRow", [_of("tableCell", few(), **attrs), _of("tableHeader", few())])],
                layout="wide",
            )


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    return {"version": 1, "type": "doc", "content": draw(st.lists(block(), max_size=3))}

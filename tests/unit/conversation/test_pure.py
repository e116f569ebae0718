"""Laws of what decides about conversations: nothing is cut, marks are read back, names stay inert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.connectors.base import Comment, Conversation, Ref, Side
from tieline.sync.config.conversation import Comments, problems
from tieline.sync.conversation.decide import Rules, after_sent, audience, due, weigh
from tieline.sync.conversation.lines import Templates, faults, line
from tieline.sync.conversation.model import Mark, digest, mark_in
from tieline.sync.conversation.parts import split

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
TEXTS = st.text(alphabet=st.sampled_from("ab \n\n`~\\é\u0301\u200d😀#|-"), max_size=600)
MARKS = st.builds(
    Mark,
    st.from_regex(r"\A(?:[0-9]{1,8}|[0-9a-f]{32}|j[0-9a-f]{20}_[0-9])\Z"),
    st.sampled_from(["deleted", "0123abcd", "ffffffff"]),
    st.integers(1, 99),
    st.integers(1, 9),
    st.integers(1, 9),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(40, 120))
def test_parts_fit_and_hold_every_character_in_order(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(len(part) <= limit for part in parts)
    drawn = [c for part in parts for c in part if c not in "\n`~ "]
    assert drawn == [c for c in text if c not in "\n`~ "]
    assert len(parts) <= max(1, len(text) // 5 + 2)


def test_code_that_is_split_stays_code() -> None:
    text = "before\n\n```python\n" + "".join(f"print({n})\n" for n in range(40)) + "```\n\nafter"
    parts = split(text, 120)
    assert len(parts) > 3
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert parts[1].startswith("```python\n")


@given(
    MARKS, st.text(alphabet=st.characters(exclude_characters="[]", exclude_categories=["Cs"]), max_size=40)
)
def test_a_mark_is_read_back_from_the_line_that_holds_it(mark: Mark, around: str) -> None:
    if mark.of == 1:
        mark = Mark(mark.id, mark.digest, mark.revision)
    assert mark_in(f"{around} {mark} {around}") == mark


@given(st.text(max_size=80), st.sampled_from(["said", "edited"]))
def test_a_name_can_neither_forge_a_mark_nor_break_the_line(name: str, kind: str) -> None:
    mark = Mark("10023", "0123abcd")
    made = line(
        Templates("{author} in {side} {label}, {time}", "{author} edited {time}", "gone", "Europe/Berlin"),
        kind,  # type: ignore[arg-type]
        author=f"{name}[ref 1-deadbeef]", side="jira", label="OPS-1", at=START, mark=mark,
    )  # fmt: skip
    assert mark_in(made) == mark
    assert made.count("[ref ") == 1
    assert len(made.splitlines()) == 1


@pytest.mark.parametrize("template", ["{nobody}", "{author", "{author!r}", "{time:%Y}", "{ref} {ref}", "{0}"])
def test_a_template_that_cannot_be_filled_is_refused(template: str) -> None:
    assert faults(template)


def said(id_: str, text: str, minute: int, *, side: Side = "jira", public: bool = False) -> Comment:
    at = START + timedelta(minutes=minute)
    kind = "comment" if side == "jira" else "comments" if public else "work_notes"
    return Comment(id_, Ref(side, "1"), "u", "U", at, at, f"{text}{public}", text, public, kind)


ENTRIES = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), max_size=12)


@given(ENTRIES)
def test_what_was_carried_is_never_due_again_and_the_order_is_that_of_time(
    drawn: list[tuple[bool, bool, int]],
) -> None:
    rules = Rules(Comments(), START)
    sides: dict[Side, list[Comment]] = {"servicenow": [], "jira": []}
    for number, (in_jira, public, minute) in enumerate(drawn):
        side: Side = "jira" if in_jira else "servicenow"
        sides[side].append(said(str(1000 + number), f"text {number}", minute, side=side, public=public))
    talks: dict[Side, Conversation] = {
        side: Conversation(Ref(side, "1"), tuple(found)) for side, found in sides.items()
    }
    first = weigh((), talks, {}, rules)
    waiting = due(first, rules, START + timedelta(days=1))
    assert [h.at for h in waiting] == sorted(h.at for h in waiting)
    assert len(waiting) == len(drawn)
    seen_by_all = {e.id: e.public for found in sides.values() for e in found}
    assert all(not h.public or seen_by_all[h.id] for h in waiting)
    carried = [after_sent(h, Mark(h.id, h.digest)) for h in waiting]
    assert due(weigh(carried, talks, {}, rules), rules, START) == []
    marks: dict[Side, list[Mark]] = {
        "servicenow": [Mark(h.id, h.digest) for h in waiting if h.side == "jira"],
        "jira": [Mark(h.id, h.digest) for h in waiting if h.side == "servicenow"],
    }
    assert due(weigh((), talks, marks, rules), rules, START) == []  # a lost state: the marks tell


JOURNALS = st.sampled_from(["comments", "work_notes", "none"])
READERS = st.sampled_from(["public", "internal", "none"])


@given(JOURNALS, JOURNALS, READERS, READERS)
def test_no_configuration_shows_an_entry_to_more_people(public: str, internal: str, c: str, w: str) -> None:
    comments = Comments.model_validate(
        {
            "to_servicenow": {"public": public, "internal": internal},
            "to_jira": {"comments": c, "work_notes": w},
        }
    )
    leaky = internal == "comments" or w == "public"
    assert any("public" in problem.what for problem in problems(comments)) == leaky
    for side in ("jira", "servicenow"):
        assert not audience(comments, said("1", "x", 0, side=side, public=False))


def test_a_digest_does_not_mind_white_space() -> None:
    assert digest("a  b\n\nc") == digest("a b c") != digest("a b d")

"""Names in awkward texts: every one that is meant is found, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.sync.links.mentions import Mention, Naming, mentions

HOST, SITE = "https://acme.service-now.com", "https://acme.atlassian.net"
NAMING = Naming(projects=frozenset({"OPS", "DEV", "UTF"}), servicenow=HOST, jira=SITE)
SYS_ID = "0123456789abcdef0123456789abcdef"


def named(text: str) -> list[str]:
    return sorted(mention.label or mention.id for mention in mentions(text, NAMING))


def one(text: str) -> Mention:
    (mention,) = mentions(text, NAMING)
    return mention


NAMES = st.one_of(
    st.integers(0, 9_999_999).map(lambda n: f"PRB{n:07d}"),
    st.integers(0, 9_999_999).map(lambda n: f"CHG{n:07d}"),
    st.integers(0, 9_999_999).map(lambda n: f"INC{n:07d}"),
    st.tuples(st.sampled_from(["OPS", "DEV"]), st.integers(1, 99_999)).map(lambda k: f"{k[0]}-{k[1]}"),
)
SPELLINGS = st.sampled_from([str.upper, str.lower, str.title])
FRAMES = st.sampled_from(
    [
        "{}",
        "see {}",
        "See {}.",
        "({})",
        "[{}]",
        '"{}"',
        "'{}'",
        "{}: it is the queue",
        "{}, as before",
        "*{}*",
        "_{}_",
        "**{}**",
        "`{}`",
        "\t{}\t",
        "re: {};",
        "{}!",
        "<{}>",
        "ticket {} again",
        "ref={}",
        "#{}",
        "…{}…",
        "“{}”",
        "{}/x",
        "„{}“",
        "- {}",
        "1. {}",
        "line\n{}\nline",
        "{}\r\n",
        "feature/{}-mend-it",
        "Störung: {} – bekannt",
        "故障 {} 相关",
        "could not log in, {}",
        "{} is not solved yet",
        "no printing. {}",
    ]
)


@given(NAMES, SPELLINGS, FRAMES)
def test_a_name_is_found_however_it_is_written(name: str, spelling: object, frame: str) -> None:
    assert callable(spelling)
    assert named(frame.format(spelling(name))) == [name]


LOOKALIKES = st.sampled_from(
    [
        "ABC{}",
        "X{}X",
        "{}abc",
        "x_{}",
        "{}_x",
        "x.{}",
        "{}.log",
        "{}.example.com",
        "me@{}",
        "{}@example.com",
        "X-{}",
        "9{}",
        "{}-1",
        "{}é",
        "é{}",
        "https://other.service-now.com/problem.do?number={}",
        "https://other.atlassian.net/browse/{}",
        "http://example.com/{}/x",
        "C:\\logs\\{}",
    ]
)


@given(NAMES, SPELLINGS, LOOKALIKES)
def test_what_only_looks_like_one_is_left_alone(name: str, spelling: object, frame: str) -> None:
    assert callable(spelling)
    assert named(frame.format(spelling(name))) == []


@pytest.mark.parametrize(
    "text",
    [
        "PRB004000",
        "PRB00400012",
        "PRB 0040001",
        "PRB-0040001",
        "PRBO040001",
        "PRB٠٠٤٠٠٠١",
        "UTF-8",
        "utf-16",
        "ISO-8859-1",
        "CVE-2021-44228",
        "SHA-256",
        "OPS-0",
        "OPS-01",
        "OPS--1",
        "OPS-",
        "XYZ-12",
        "TASK0040001",
        "RFC-2616",
        "",
        "-",
        "OPS-1234567890",
    ],
)
def test_other_numbers_and_standards_are_no_names(text: str) -> None:
    assert named(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Not related to {}.",
        "This isn't caused by {}.",
        "not the same as {}",
        "unrelated to {}",
        "{} is not the cause",
        "{} is unrelated",
        "{} was ruled out",
        "thought it was {}, but not related",
        "other than {}",
        "nothing to do with {}",
        "no link to {}",
        "Instead of {}",
        "nicht wegen {}",
        "> Not related\n> to {}",
        "it is not a\nduplicate of {}",
        "We ruled out {}",
        "neither {}",
    ],
)
def test_what_is_denied_is_no_mention(text: str) -> None:
    assert named(text.format("PRB0040001")) == []


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("> see {}", "quotation"),
        ("On Monday Beth Anglin wrote:\nsee {}", "quotation"),
        ("Is it {}?", "question"),
        ("-----Original Message-----\nsee {}", "quotation"),
        ("maybe {}", "maybe"),
        ("similar to {}", "similar"),
        ("From: beth@example.com\n\nsee {}", "quotation"),
        ("if it is {}", "if"),
        ("see {}", ""),
    ],
)
def test_what_is_quoted_asked_or_hedged_is_in_doubt(text: str, doubt: str) -> None:
    found = one(text.format("PRB0040001"))
    assert doubt in found.doubt
    assert bool(doubt) == bool(found.doubt)


def test_a_name_that_is_quoted_and_said_is_said() -> None:
    assert one("> see PRB0040001\nYes, it is PRB0040001.").doubt == ""


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("caused by {}", "caused_by"),
        ("Fixed with {}", "cured_by"),
        ("since {}", "caused_by"),
        ("rolled out {}", None),
        ("resolved by change {}", "cured_by"),
        ("broken by the change\n{}", "caused_by"),
        ("behoben durch {}", "cured_by"),
        ("fixed by rolling back {}", "caused_by"),
        ("rolled back with {}", None),
        ("caused by X and fixed by {}", "cured_by"),
    ],
)
def test_words_before_a_name_tell_the_relation(text: str, relation: str | None) -> None:
    assert one(text.format("CHG0030002")).relation == relation


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{SITE}/browse/OPS-77", "OPS-77"),
        (f"{SITE}/browse/ops-77.", "OPS-77"),
        (f"{SITE}/projects/OPS/issues/OPS-77?x=1", "OPS-77"),
        (f"{SITE}/jira/boards/1?selectedIssue=OPS-77", "OPS-77"),
        (f"{HOST}/problem.do?sys_id={SYS_ID}", SYS_ID),
        (f"{HOST}/nav_to.do?uri=problem.do%3Fsys_id%3D{SYS_ID}", SYS_ID),
        (f"{HOST}/now/sow/record/problem/{SYS_ID}", SYS_ID),
        (f"{HOST}/now/nav/ui/classic/params/target/change_request.do%3Fsys_id%3D{SYS_ID}%26x%3D1", SYS_ID),
        (f"{HOST}/problem_list.do?sysparm_query=number=PRB0040001", "PRB0040001"),
    ],
)
def test_addresses_of_the_two_systems_are_read(url: str, expected: str) -> None:
    assert named(f"see {url} for more") == [expected]
    assert named(f"[here|{url}]") == [expected]


PLACES = st.sampled_from(
    [
        "/browse/{}?focusedCommentId=10&page=1#comment-10", "/browse/{}", "/projects/OPS/issues/{}?filter=-1",
        "/jira/software/c/projects/OPS/boards/1?selectedIssue={}&x=1", "/rest/api/2/issue/{}/comment",
    ]
)  # fmt: skip
MAIL = "From: Beth <beth@example.com>\nSent: Monday\n\n"
MEANT = st.one_of(
    st.tuples(FRAMES, NAMES, SPELLINGS).map(lambda t: (t[0].format(t[2](t[1])), t[1])),
    st.tuples(PLACES, st.integers(1, 99_999)).map(
        lambda t: (SITE + t[0].format(f"ops-{t[1]}"), f"OPS-{t[1]}")
    ),
)
"""Texts that mean a name, and the name."""
STANDARDS = (
    "UTF-8", "utf-16", "CVE-2024-1234", "CVE-2024", "COVID-19", "covid-19,", "ISO-8601", "iso-8601-1",
    "SHA-256", "sha-1", "RFC-2616", "UTC-5", "GMT-3", "MD-5", "RAID-5", "TLS-1", "PCI-4",
)  # fmt: skip
WRONG = st.sampled_from(
    [
        "ABC{}", "X{}X", "{}abc", "x_{}", "{}_x", "x.{}", "{}.log", "{}.example.com", "{}@example.com", "9{}",
        "{}-1", "{}é", "ftp://example.com/{}", "ssh://git@example.com/{}", "www.example.com/{}/x",
        "mailto:beth@example.com?subject={}", "https://example.com/?q={}&b=2#c", "file:///tmp/{}",
        "https://acme.atlassian.net@example.com/browse/{}", "https://example.com/?to=" + SITE + "/browse/{}",
        SITE + "/secure/attachment/1/{}.png", SITE + "/browse/{}abc", SITE + "/browse/{}-1", SITE + "/x/{}",
        HOST + "/problem_list.do?sysparm_query=number!={}", "{}-screen-shot.png", "shot-{}.png",
        "C:\\logs\\{}", "> {}", "> > see {},", "| {}", "is it {}?", "maybe {}", "not related to {}",
        "{} was ruled out",
    ]
)  # fmt: skip
DECOYS = st.one_of(
    st.tuples(WRONG, NAMES, SPELLINGS).map(lambda t: t[0].format(t[2](t[1]))),
    st.sampled_from(STANDARDS),
    st.tuples(st.sampled_from(["XYZ", "PROD", "ABC"]), st.integers(1, 999)).map(lambda t: f"{t[0]}-{t[1]}"),
    st.integers(0, 10**9).map(lambda n: f"PRB{n:010d}"),
    st.integers(0, 9_999_999).map(lambda n: f"xPRB{n:07d}y PRB{n:07d}Z ſPRB{n:07d} ıNC{n:07d} PRB-{n:07d}"),
    st.integers(1, 999).map(lambda n: f"OPS-{n}abc OPS-0{n} OPſ-{n} OPS-{n}.5 OPS--{n} OPS–{n} x-OPS-{n}"),
    st.uuids().map(lambda u: f"ops-{u.hex}"),
)
"""Texts that mean no name, or none for sure."""


@given(st.lists(st.one_of(MEANT, DECOYS), max_size=12), st.lists(DECOYS, max_size=3))
def test_of_a_text_full_of_names_just_those_that_are_meant_are_sure(
    parts: list[tuple[str, str] | str], quoted: list[str]
) -> None:
    said = [part if isinstance(part, str) else part[0] for part in parts]
    meant = {part[1] for part in parts if not isinstance(part, str)}
    text = "\n\n".join(said) + "\n\n" + MAIL + "\n\n".join(quoted)
    assert {each.label for each in mentions(text, STANDARD) if not each.doubt} == meant


STANDARD = Naming(
    projects=frozenset({"OPS", "DEV", "UTF", "ISO", "SHA", "CVE", "COVID", "UTC", "RFC", "RAID"}),
    servicenow=HOST, jira=SITE,
)  # fmt: skip
"""Somebody gave their projects just these keys."""


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for mention in mentions(text, NAMING):
        assert mention.label or mention.id


def test_long_lines_take_no_long_time() -> None:
    for text in (
        "on " + "a " * 20_000 + "wrote",
        "> " * 20_000,
        "OPS-1 " * 3_000,
        "http" * 20_000,
        "not the " * 10_000,
    ):
        mentions(text, NAMING)

"""Random conversations of people on both stand-ins, and what must come of them (P5), judged by their stores.

It knows nothing of the engine and its state: every version of every entry holds a word of its own, and the
copies are read where they stand.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.richtext.convert import from_adf, from_servicenow, plain
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.world import SERVICENOW_USER, World

DESK: Final = {"beth.anglin": "Beth Anglin", "abel.tuter": "Abel Tuter"}
ENGINEERS: Final = {"fred.luddy@example.com": "Fred Luddy", "david.loo@example.com": "David Loo"}

TRACE: Final = """Traceback (most recent call last):
  File "/srv/app/worker.py", line 214, in run
    self.handle(job[0], **job[1])
KeyError: 'order_id'  # <Job #77 at 0x7f> {"a": [1, 2]}"""
FOOTER: Final = """Hello,
please see below.

-- 
Mit freundlichen Grüßen / Kind regards
Jürgen Groß | Example GmbH | +49 (0)30 1234-567
> On Mon, somebody wrote:
>> it is down *again*"""  # noqa: W291
TABLE: Final = "| host | state |\n|------|-------|\n| db01 | *down* |\n| db02 | up_and_running |"
SAMPLES: Final = (
    "It works again.", "Why?", TRACE, FOOTER, TABLE, "שלום, המערכת נפלה שוב 123", "مرحبا، الخدمة متوقفة",
    "👩‍👩‍👧‍👦 thanks 🎉 ✅", "{code}not closed {noformat} [link|http://x.example/?a=1&b=2] h1. not a head",
    "[code]<script>alert('x')</script>[/code] & <b>bold</b>", "a\tb\n\n\n   indented\n* star\n# hash",
    "2026-01-05 08:00:00 - Beth Anglin (Additional comments)\npasted stream", "e\u0301 combined, ﬁ ligature",
)  # fmt: skip
LOG: Final = (
    "2026-01-05T08:00:00Z ERROR worker[31337] could not reach db01:5432, retrying in 250 ms; seq={n}\n"
)
LONG_LINES: Final = 640
"""Lines of a log of about 60 kB."""
ATTACHED: Final = "The whole text is attached: "


@dataclass
class Said:
    """One entry of a person: where, who, which versions of its text there were, and what became of it."""

    side: str
    record: str
    id: str
    author: str
    public: bool
    at: datetime
    versions: list[tuple[str, str]] = field(default_factory=list)
    """The word that tells a version, and its whole text."""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """One entry that our account made; `filed`: its body is that of the one file that it names."""

    id: str
    public: bool
    head: str
    body: str
    filed: bool = False


class Talk:
    """People who talk on the pairs of a world: (sys_id, issue id). `long`: so often it is a long log."""

    def __init__(
        self, world: World, clock: VirtualClock, pairs: list[tuple[str, str]], seed: int, long: float = 0.004
    ) -> None:
        self.world = world
        self.clock = clock
        self.pairs = pairs
        self.said: list[Said] = []
        self._chance = random.Random(f"talk {seed}")
        self._words = 0
        self._long = long

    def go_on(self, entries: int) -> None:
        """So many entries, edits and deletions, a few seconds apart or in the same one."""
        for _ in range(entries):
            self.clock.advance(timedelta(seconds=self._chance.choice((0, 0, 1, 7, 40))))
            fate = self._chance.random()
            mine = [s for s in self.said[-200:] if s.side == "jira" and not s.deleted]
            if mine and fate < 0.06:
                self._edit(self._chance.choice(mine))
            elif mine and fate < 0.09:
                self._delete(self._chance.choice(mine))
            else:
                self._say()

    def _text(self) -> tuple[str, str]:
        self._words += 1
        word = f"word{self._words:06d}x"
        if self._chance.random() < self._long:
            lines = "".join(LOG.format(n=n) for n in range(LONG_LINES))
            return word, f"{word}\n{lines}"
        return word, f"{word} {self._chance.choice(SAMPLES)}"

    def _say(self) -> None:
        incident, issue = self._chance.choice(self.pairs)
        word, text = self._text()
        public = self._chance.random() < 0.4
        if self._chance.random() < 0.5:
            by, name = self._chance.choice(sorted(DESK.items()))
            self.world.servicenow.update(by, incident, {"comments" if public else "work_notes": text})
            row = next(r for r in self.world.servicenow.journal(incident) if word in r["value"])
            said = Said("servicenow", incident, row["sys_id"], name, public, self.clock.now())
        else:
            by, name = self._chance.choice(sorted(ENGINEERS.items()))
            long = len(text) > 30_000
            text = text[:30_000] if long else text
            self.world.jira.comment(by, issue, text, internal=not public)
            made = self.world.jira.comments(issue)[-1]
            said = Said("jira", issue, str(made.id), name, public, self.clock.now())
        said.versions.append((word, text))
        self.said.append(said)

    def _edit(self, said: Said) -> None:
        word, text = self._text()
        by = next(mail for mail, name in ENGINEERS.items() if name == said.author)
        self.world.jira.edit_comment(by, said.record, int(said.id), text[:30_000])
        said.versions.append((word, text[:30_000]))

    def _delete(self, said: Said) -> None:
        by = next(mail for mail, name in ENGINEERS.items() if name == said.author)
        self.world.jira.delete_comment(by, said.record, int(said.id))
        said.deleted = True

    # What came of it

    def faults(self) -> Iterator[str]:
        """Everything that is not as P5 promises."""
        for incident, issue in self.pairs:
            files = self._files(incident, issue)
            for side, record, copies in (
                ("servicenow", incident, self._in_jira(issue)),
                ("jira", issue, self._in_servicenow(incident)),
            ):
                yield from self._judge(record, side, [_with_file(copy, files[side]) for copy in copies])
                yield from self._shown(files[side])

    def filed(self) -> int:
        """How many entries stand as files."""
        return sum(len(files) for pair in self.pairs for files in self._files(*pair).values())

    def _files(self, incident: str, issue: str) -> dict[str, list[tuple[str, str]]]:
        """By the side whose entries they hold, the names and texts of the files that are entries."""
        held = {
            "servicenow": [(f.name, f.content) for f in self.world.jira.attached(issue)],
            "jira": [(r["file_name"], content) for r, content in self.world.servicenow.attached(incident)],
        }
        return {
            side: [(name, content.decode()) for name, content in files if name.startswith("comment-")]
            for side, files in held.items()
        }

    def _shown(self, files: list[tuple[str, str]]) -> Iterator[str]:
        """No file is there twice, and none holds what customers may not read."""
        internal = {word for said in self.said if not said.public for word, _ in said.versions}
        for name, number in Counter(name for name, _ in files).items():
            if number > 1:
                yield f"{name} is attached {number} times"
        for name, text in files:
            if internal.intersection(re.findall(r"word\d{6}x", text)):
                yield f"{name}: an internal entry is shown in a file"

    def _in_jira(self, issue: str) -> list[Copy]:
        ours = [c for c in self.world.jira.comments(issue) if "tieline" in c.properties]
        texts = [from_adf(c.body.adf) or "" for c in ours]
        return [
            Copy(str(c.id), c.public, *_parted(text, "\n\n")) for c, text in zip(ours, texts, strict=True)
        ]

    def _in_servicenow(self, incident: str) -> list[Copy]:
        rows = [
            r for r in self.world.servicenow.journal(incident)
            if r["sys_created_by"] == SERVICENOW_USER and "[ref " in r["value"]
        ]  # fmt: skip
        return [Copy(r["sys_id"], r["element"] == "comments", *_parted(r["value"], "\n")) for r in rows]

    def _judge(self, record: str, side: str, copies: list[Copy]) -> Iterator[str]:
        said = [s for s in self.said if s.record == record and s.side == side]
        words = {word: s for s in said for word, _ in s.versions}
        found: dict[str, list[Copy]] = {}
        order: list[str] = []
        for copy in copies:
            word = next((w for w in re.findall(r"word\d{6}x", copy.body) if w in words), "")
            if word:
                found.setdefault(word, []).append(copy)
                order.append(word)
                if copy.public and not words[word].public:
                    yield f"{word}: an internal entry became public"
                if not copy.head.startswith(words[word].author):
                    yield f"{word}: by {words[word].author}, and the line says {copy.head!r}"
        for word, number in Counter(order).items():
            if number > 1:
                yield f"{word}: stands {number} times"
        yield from self._missing(said, found, copies, side)
        yield from out_of_order(said, order)

    def _missing(
        self, said: list[Said], found: dict[str, list[Copy]], copies: list[Copy], side: str
    ) -> Iterator[str]:
        for entry in said:
            word, text = entry.versions[-1]
            told = [c for c in copies if f"[ref {entry.id}" in c.head and "-deleted]" in c.head]
            carried = any(w in found for w, _ in entry.versions)
            if entry.deleted:
                if len(told) != int(carried):
                    yield f"{word}: deleted, and {len(told)} entries say so"
            elif told:
                yield f"{word}: said to be deleted, and it is there"
            elif word not in found:
                yield f"{word}: never came over"
            elif found[word][0].filed and _letters(plain(found[word][0].body) or "") == _clear(text, side):
                continue
            elif not _same(text, _whole(copies, found[word][0]), side):
                shown = _whole(copies, found[word][0])
                yield f"{word}: its text is another one: {text[:120]!r} became {shown[:200]!r}"


def _parted(text: str, by: str) -> tuple[str, str]:
    head, _, body = text.partition(by)
    return head, body


def _with_file(copy: Copy, files: list[tuple[str, str]]) -> Copy:
    """An entry that names a file, with the text of that file."""
    if not copy.body.startswith(ATTACHED):
        return copy
    name = copy.body.removeprefix(ATTACHED).strip()
    return replace(copy, body=next((text for held, text in files if held == name), ""), filed=True)


def _whole(copies: list[Copy], first: Copy) -> str:
    """The text of an entry that may have come in parts."""
    count = re.search(r"[ (]1/(\d+)[\])]", first.head)
    start = copies.index(first)
    return "".join(c.body for c in copies[start : start + (int(count[1]) if count else 1)])


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def _clear(source: str, side: str) -> str:
    """The letters of what a person wrote."""
    return _letters(source) if side == "jira" else _letters(plain(from_servicenow(source)) or "")


def _same(source: str, copy: str, side: str) -> bool:
    shown = from_servicenow(copy) if side == "jira" else copy
    return _letters(plain(shown) or "") == _clear(source, side)


def out_of_order(said: list[Said], order: list[str]) -> Iterator[str]:
    """First versions stand in the order in which they were said; an edit comes when it was made."""
    ranked = sorted(said, key=lambda s: (s.at.replace(microsecond=0), len(s.id), s.id))
    if said and said[0].side == "jira":
        ranked = sorted(said, key=lambda s: (s.at, len(s.id), s.id))
    firsts = [s.versions[0][0] for s in ranked]
    seen = list(
        dict.fromkeys(word for word in order if word in set(firsts))
    )  # what stands twice is told apart
    wanted = [word for word in firsts if word in set(seen)]
    wrong = next(((a, b) for a, b in zip(seen, wanted, strict=True) if a != b), None)
    if wrong is not None:
        yield f"{wrong[0]} stands before {wrong[1]}, which was said first"

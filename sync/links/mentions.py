"""Finds where a text names a problem, a change, an incident or an issue, and how surely it means a tie. Pure.

It finds numbers of the configured form, keys of known projects, and addresses of the two configured systems.
Whatever only looks like one is left alone: longer or shorter numbers, parts of words, names of files, mail
addresses, other companies' systems, `UTF-8`. Whether what is named exists is for the caller to look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from tieline.sync.links.model import Relation, TargetKind
from tieline.sync.links.wording import CUES, DENIED_AFTER, DENIED_BEFORE, DOUBT, QUOTE, QUOTED_FROM_HERE

TABLES: Final[Mapping[str, TargetKind]] = MappingProxyType({
    "incident": "incident", "problem": "problem", "change_request": "change",
})  # fmt: skip
"""ServiceNow's tables as its addresses name them."""

_STANDARDS: Final = frozenset({
    "AES", "ANSI", "COVID", "CP", "CRC", "CVE", "CWE", "DIN", "ECMA", "EN", "FIPS", "GMT", "GPT", "IEC",
    "IEEE", "IPV", "ISO", "JSR", "LTE", "MD", "MPEG", "NIST", "PCI", "PEP", "RAID", "RFC", "RSA", "SARS",
    "SHA", "SSL", "TLS", "UCS", "USB", "UTC", "UTF", "WINDOWS", "WPA",
})  # fmt: skip
"""Words that stand before a hyphen and a number everywhere: as keys they count in addresses only."""

_URL: Final = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.|mailto:)[^\s<>\"'|\]\[)}{]+", re.IGNORECASE)
_SYS_ID: Final = re.compile(r"[0-9a-f]{32}")
# Neither inside a word, nor after "word-", "word_", "word.", "word@"; nor before "-1", "_x", ".x", "@",
# "-x.png".
_BEFORE: Final = r"(?<![^\W_])(?<![^\W_][-_.@+])(?<!@)(?<!\\)"
_AFTER: Final = r"(?![^\W_])(?!_[^\W_])(?!\.[^\W_])(?!-[0-9])(?!@)(?!-[\w-]{1,80}\.[^\W_])"

_REACH: Final = 60
"""As many characters before a name are searched for what is said about it."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What names look like: a prefix and exactly so many digits for each kind, and the known project keys.

    `servicenow` and `jira` are the addresses of the two systems; those of others name nothing of ours.
    """

    numbers: Mapping[str, TargetKind] = field(
        default_factory=lambda: MappingProxyType({"INC": "incident", "PRB": "problem", "CHG": "change"})
    )
    digits: int = 7
    projects: frozenset[str] = frozenset()
    servicenow: str = ""
    jira: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """A record that a text names: by `label` (upper case), or by `id` where an address holds a sys_id.

    `relation` is what the words before it say ("" where they say nothing). `doubt` is why it may not be meant
    as a tie, "" where nothing speaks against it.
    """

    kind: TargetKind
    label: str = ""
    id: str = ""
    relation: Relation | None = None
    doubt: str = ""


def mentions(text: str, naming: Naming) -> list[Mention]:
    """Everything that the text names, each once: where it is named several times, as surely as at best."""
    found: dict[tuple[str, str], Mention] = {}
    for line in _lines(text):
        for mention in _in_line(line, naming):
            key = (mention.label, mention.id)
            known = found.get(key)
            if known is None or (bool(known.doubt), known.relation is None) > (
                bool(mention.doubt), mention.relation is None,
            ):  # fmt: skip
                found[key] = mention
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without its marks of quotation, with the lines around it: mails break sentences anywhere."""

    text: str
    quoted: bool
    above: str = ""
    below: str = ""


def _lines(text: str) -> Iterator[_Line]:
    """Each line, and whether it quotes somebody: by a mark before it, or below the head of an older mail."""
    older = False
    plain: list[tuple[str, bool]] = []
    for line in text.splitlines():
        older = older or bool(QUOTED_FROM_HERE.match(line))
        plain.append((QUOTE.sub("", line).strip(), older or bool(QUOTE.match(line))))
    for number, (line, quoted) in enumerate(plain):
        above = plain[number - 1] if number else ("", quoted)
        below = plain[number + 1] if number + 1 < len(plain) else ("", quoted)
        yield _Line(
            line, quoted, above[0] if above[1] == quoted else "", below[0] if below[1] == quoted else ""
        )


def _in_line(line: _Line, naming: Naming) -> Iterator[Mention]:
    blank = list(line.text)
    for match in _URL.finditer(line.text):
        mention = _of_url(match[0].rstrip(".,;:!?"), naming)
        blank[match.start() : match.end()] = " " * len(match[0])
        if mention is not None:
            yield from _judged(line, match.start(), match.end(), mention)
    for match in _pattern(naming).finditer("".join(blank)):
        # Whatever its case, "ſ" is no "s" and "ı" no "i", though expressions take them for one.
        named = _named(match[0].upper(), naming) if match[0].isascii() else None
        if named is not None:
            yield from _judged(line, match.start(), match.end(), named)


def _pattern(naming: Naming) -> re.Pattern[str]:
    numbers = "|".join(sorted(map(re.escape, naming.numbers)))
    keys = "|".join(sorted(map(re.escape, naming.projects)))
    parts = [f"(?:{numbers})[0-9]{{{naming.digits}}}"] if numbers else []
    parts += [f"(?:{keys})-[1-9][0-9]{{0,8}}"] if keys else []
    return re.compile(f"{_BEFORE}(?:{'|'.join(parts) or '(?!)'}){_AFTER}", re.IGNORECASE)


def _named(label: str, naming: Naming) -> Mention | None:
    project, hyphen, _ = label.partition("-")
    if hyphen:
        return None if project in _STANDARDS else Mention("issue", label)
    return Mention(naming.numbers[label[: -naming.digits]], label)


def _of_url(url: str, naming: Naming) -> Mention | None:
    """What an address of one of the two systems shows; None for any other address."""
    if _same_host(url, naming.jira):
        path = urlsplit(url)
        keys = "|".join(sorted(map(re.escape, naming.projects))) or "(?!)"
        leads = r"(?:/(?:browse|issues|queues/[^/]+|issue)/|[?&]selectedIssue=)"
        pattern = rf"{leads}((?:{keys})-[1-9][0-9]{{0,8}})(?![\w-])"
        match = re.search(pattern, f"{path.path}?{path.query}", re.IGNORECASE)
        return Mention("issue", match[1].upper()) if match else None
    if not _same_host(url, naming.servicenow):
        return None
    plain = unquote(unquote(url))
    match = re.search(
        r"\b(incident|problem|change_request)(?:\.do\?(?:[^#]*&)?sys_id=|/)([0-9a-f]{32})\b", plain
    )
    if match:
        return Mention(TABLES[match[1]], id=match[2])
    numbers = "|".join(sorted(map(re.escape, naming.numbers))) or "(?!)"
    match = re.search(rf"\bnumber=((?:{numbers})[0-9]{{{naming.digits}}})(?![\w-])", plain, re.IGNORECASE)
    return _named(match[1].upper(), naming) if match else None


def _same_host(url: str, own: str) -> bool:
    try:
        return bool(own) and urlsplit(url).hostname == urlsplit(own).hostname
    except ValueError:
        return False


def _judged(line: _Line, start: int, end: int, mention: Mention) -> Iterator[Mention]:
    """The mention with what the words around it say; nothing where they deny the tie."""
    before = _clause_before(f"{line.above} {line.text[:start]}" if line.above else line.text[:start])
    after = f"{line.text[end:]} {line.below}"
    if DENIED_BEFORE.search(before) or DENIED_AFTER.match(after):
        return
    doubt = _doubt(before, after, line.quoted)
    yield Mention(mention.kind, mention.label, mention.id, _cue(before), doubt)


def _clause_before(text: str) -> str:
    """What stands before, from the last end of a sentence on."""
    clause: str = re.split(r"[.!?;]\s|[;\t]", text[-_REACH * 3 :])[-1]
    return clause[-_REACH:].rstrip(" \"'`*_([{#-")


def _cue(before: str) -> Relation | None:
    """The relation that is named last before the mention."""
    last = [(match.end(), relation) for relation, cue in CUES for match in cue.finditer(before)]
    return max(last)[1] if last else None


def _doubt(before: str, after: str, quoted: bool) -> str:
    if quoted:
        return "it stands in a quotation"
    if re.match(r"[^.!;]{0,80}\?", after):
        return "it stands in a question"
    word = DOUBT.search(before.rpartition(",")[2])
    return f"{word[0]!r} stands before it" if word else ""


def labels(texts: Iterable[str], naming: Naming) -> frozenset[str]:
    """Every number, key and sys_id that the texts name, in doubt too: what a caller has to look up."""
    return frozenset(m.label or m.id for text in texts for m in mentions(text, naming))

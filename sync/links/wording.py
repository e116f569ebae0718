"""What words around a name mean (quoted, denied, doubted, cause, cure), in English and German; no logic."""

from __future__ import annotations

import re
from typing import Final

from tieline.sync.links.model import Relation

QUOTE: Final = re.compile(r"^\s*(?:>|\|\s)[>|\s]*")
QUOTED_FROM_HERE: Final = re.compile(
    r"^\s*(?:-{2,}\s*(?:original|forwarded|ursprüngliche|weitergeleitete)\b.*"
    r"|(?:on|am)\b.{5,120}\b(?:wrote|schrieb)\b.*:\s*|_{10,}\s*|(?:from|von):\s.*@.*)$",
    re.IGNORECASE,
)


_FILLER: Final = (
    r"(?:"
    r"the|a|an|any|same|as|to|by|of|in|from|with|our|it|is|it['’]s|related|linked|tied|connected|"
    r"caused|due|because|part|case|duplicate|fixed|cured|solved|resolved|problem|change|incident|"
    r"ticket|issue|mit|zu|von|durch|wegen|das|der|die|verursacht|verwandt"
    r")"
)
"""Words that may stand between a "not" and the name that it denies."""
_OTHER: Final = (
    r"(?:"
    r"unrelated|irrelevant|ruled out|ruling out|exclude[sd]?|excluding|other than|rather than|"
    r"instead of|different (?:from|to|than)|distinct from|unlike|nothing to do with|except|"
    r"no (?:link|relation|connection|tie)\s*(?:to|with|between)?|independent of|unabhängig von|"
    r"ausgeschlossen|nichts mit"
    r")"
)
DENIED_BEFORE: Final = re.compile(
    rf"(?:\b(?:not|never|neither|nor|nicht|kein\w*)\b|n['’]t\b)\s*(?:\b{_FILLER}\b[\s:]*){{0,8}}$"
    rf"|\b{_OTHER}\b\s*(?:\b{_FILLER}\b[\s:]*){{0,4}}:?\s*$",
    re.IGNORECASE,
)
_NO_CAUSE: Final = (
    r"(?:"
    r"cause\w*|reason|culprit|related|linked|it|this|relevant|same|duplicate|to do|with|apply|"
    r"applicable|explain\w*|fix\w*|help\w*|cure\w*|ursache|grund|schuld|zu tun"
    r")"
)
DENIED_AFTER: Final = re.compile(
    r"^\W{0,3}(?:is|was|has been|can be|seems|ist|war|wurde)?\s*"
    r"\b(?:unrelated|irrelevant|ruled out|excluded|ausgeschlossen)\b"
    r"|^\W{0,3}(?:(?:but|and|which|that|aber|und)\s+)?"
    r"(?:(?:is|was|are|were|does|did|has|hat|ist|war)(?:\s+(?:not|nothing|nicht|nichts|kein\w*)\b|n['’]t\b)|(?:not|nicht)\b)"
    rf"\s*(?:(?:the|a|an|our|to do|die|der|das|mit)\s+)?{_NO_CAUSE}\b",
    re.IGNORECASE,
)
DOUBT: Final = re.compile(
    r"n['’]t\b|\b(?:not|never|no|nicht|kein\w*|maybe|perhaps|possibly|probably|might|may|could|similar|like"
    r"|resembl\w+|reminds?|compare|cf|e\.g|example|unless|if|whether|unclear|unsure"
    r"|vielleicht|eventuell|ähnlich|ob|falls|evtl|vermutlich|wie bei)\b",
    re.IGNORECASE,
)
"""A word before a name that leaves open whether it is meant."""
_BY: Final = r"\s+(?:by|with|in|through|via|under|per|durch|mit|von)\b"
CUES: Final[tuple[tuple[Relation, re.Pattern[str]], ...]] = (
    (
        "caused_by",
        re.compile(
            rf"\b(?:caused|broken|triggered|introduced|provoked|verursacht|ausgelöst){_BY}"
            r"|\b(?:broke|root cause|because of|due to|as a result of|following|consequence of)\b"
            r"|\b(?:roll(?:ed|ing)? ?back|back(?:ed|ing) out|revert(?:ed|ing)?|undoing)\b"
            r"(?!\s+(?:by|with|in|via)\b)"
            r"|\b(?:since|seit|wegen|aufgrund)\b|\bcause\s*[:=]|\bregression (?:of|from|in)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "cured_by",
        re.compile(
            r"\b(?:fixed|cured|solved|resolved|mended|repaired|remedied|corrected|addressed|gelöst|behoben"
            rf"|korrigiert){_BY}|\b(?:fix|fixes|closes|resolves|solves|cures|remedy|solution|behebt|löst)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "duplicate",
        re.compile(
            r"\b(?:duplicates?|dup|dupe|duplikat)\b(?:\s+(?:of|to|von))?|\bsame (?:issue |incident )?as\b",
            re.IGNORECASE,
        ),
    ),
    (
        "parent",
        re.compile(
            r"\b(?:child of|parent(?: incident)?|part of|belongs to|under the major(?: incident)?)\b",
            re.IGNORECASE,
        ),
    ),
)
"""What is said before a name, and the relation that it means."""

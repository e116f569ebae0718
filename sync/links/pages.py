"""The pages of findings about links: what each code means, and a case of it with its cure."""

from __future__ import annotations

from typing import Final

from tieline.sync.policy.page import Page

_NAMED: Final = """
[[links.rule]]
id = "named-problems"
evidence = ["mention"]
relation = ["problem"]
at_least = 1.0
then = "link"
"""
_TEST: Final = """
[[links.test]]
name = "A problem that is named is linked"
evidence = [{ kind = "mention" }]
expect = "link"
rule = "named-problems"
"""

LINK_PAGES: Final[tuple[Page, ...]] = (
    Page(
        "TL030", "A rule about links that never speaks", "error",
        "The first rule that evidence meets speaks. A rule above this one asks for the same evidence or less, of the "
        "same incidents or of all.",
        "move it above that rule, narrow that one, or remove it.",
        _NAMED + '[[links.rule]]\nid = "vpn"\nevidence = ["mention"]\nrelation = ["problem"]\nat_least = 1.0\n'
        'when = { category = "network" }\nthen = "propose"\n',
        '[[links.rule]]\nid = "vpn"\nevidence = ["mention"]\nrelation = ["problem"]\nat_least = 1.0\n'
        'when = { category = "network" }\nthen = "propose"\n' + _NAMED,
    ),
    Page(
        "TL031", "A link that is a guess", "warning",
        "Likeness, history, the same item and a change at the right time make a tie likely and no more. On a year of real "
        "incidents, the latest problem of the same category, subcategory and symptom was right in 1.8 % of cases.",
        'let it propose (`then = "propose"`), or name surer evidence.',
        '[[links.rule]]\nid = "alike"\nevidence = ["likeness"]\nat_least = 0.2\nthen = "link"\n',
        '[[links.rule]]\nid = "alike"\nevidence = ["likeness"]\nat_least = 0.2\nthen = "propose"\n',
    ),
    Page(
        "TL032", "A rule about links without a test", "warning",
        "No `[[links.test]]` reaches the rule, so nobody notices when a later change breaks it.",
        "add a test that it applies to.",
        _NAMED, _NAMED + _TEST,
    ),
    Page(
        "TL033", "A problem for every incident", "warning",
        "The rule proposes a problem whenever a resolved incident has none, whatever the incident.",
        "say which incidents, or how many must be alike.",
        '[[links.closure]]\nid = "all"\nneeds = ["problem"]\nproblem = "propose"\n',
        '[[links.closure]]\nid = "often"\nneeds = ["problem"]\nalike = 5\nproblem = "propose"\n',
    ),
    Page(
        "TL034", "A problem that does not help", "error",
        "The rule proposes a problem, and an incident that has one still does not meet it.",
        'add "problem" to its `needs`, or leave `problem` out.',
        '[[links.closure]]\nid = "cured"\nneeds = ["cured_by"]\nalike = 3\nproblem = "propose"\n',
        '[[links.closure]]\nid = "cured"\nneeds = ["cured_by", "problem"]\nalike = 3\nproblem = "propose"\n',
    ),
    Page(
        "TL035", "Two rules about links of one name", "error",
        "Reasons and tests name rules by their id. The usual rules have ids too: `named`, `next-door` and `likely`, and "
        "for closure `grave`, `cured-by-change` and `recurring`.",
        "give it another id, or leave the usual ones out with `usual = false`.",
        _NAMED.replace("named-problems", "likely"), _NAMED,
    ),
)  # fmt: skip

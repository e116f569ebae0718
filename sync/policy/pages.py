"""The pages of the findings: what each code means, why it matters, what to do, and a case of it with its cure.

`tieline policy rule TL0xx` prints one, docs/policy-findings.md holds all, and tests run both examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tieline.sync.links.pages import LINK_PAGES
from tieline.sync.policy.page import Page, text
from tieline.sync.policy.pages_config import CONFIG_PAGES

__all__ = ["PAGES", "Page", "text"]


_TEST: Final = """
[[test]]
name = "Network trouble has a group"
given = { category = "network" }
expect = { group = "Network" }
"""
_RULE: Final = """
[[rule]]
id = "network"
when = { category = "network" }
then = { group = "Network" }
"""
_MOVES: Final = """
{"format": 1, "routes": {"ops": {"jira": {
  "statuses": ["Open", "In Progress", "Blocked"], "moves": {"Open": ["In Progress"], "In Progress": ["Open"]}}}}}
"""
_OPTIONS: Final = """
{"format": 1, "routes": {"ops": {"servicenow": {
  "options": {"category": {"network": "Network", "hardware": "Hardware"}}}}}}
"""
_PAGES: Final = (
    Page(
        "TL001", "An id stands twice", "error",
        "Rules, bounds, tests and values of one vocabulary are named by their id: in reasons, in tests, in "
        "comments. Two of one name cannot be told apart.",
        "give one of them another name.",
        _RULE + _RULE.replace('category = "network"', 'category = "dns"') + _TEST, _RULE + _TEST,
    ),
    Page(
        "TL002", "A field that does not exist", "error",
        "A condition on a field that nothing fills never holds, and a value for it goes nowhere.",
        "correct its name, mirror it in the configuration, or declare it: `[fields] site = \"choice\"`.",
        _RULE.replace("category =", "catgory =") + _TEST, _RULE + _TEST,
    ),
    Page(
        "TL003", "A value outside the vocabulary", "error",
        "Where the vocabulary lists the values of a field, every other one is a slip: no incident has it, and "
        "neither side has a name for it.",
        "correct it, or add it to the vocabulary.",
        '[vocabulary]\ncategory = ["network", "hardware"]\n' + _RULE.replace('"network" }', '"netwrok" }') + _TEST,
        '[vocabulary]\ncategory = ["network", "hardware"]\n' + _RULE + _TEST,
    ),
    Page(
        "TL004", "A rule that never speaks", "error",
        "The first rule that sets a field wins. Where earlier rules, taken together, hold wherever this one does, "
        "it never gets its turn. This is decided over all incidents, not over samples.",
        "move it above the rules that cover it, narrow those, or remove it.",
        """
[vocabulary]
impact = ["1", "2", "3"]
[[rule]]
id = "grave"
when = { impact = ["1", "2"] }
then = { group = "Service Desk" }
[[rule]]
id = "slight"
when = { impact = "3" }
then = { group = "Software" }
[[rule]]
id = "network"
when = { category = "network" }
then = { group = "Network" }
""",
        """
[vocabulary]
impact = ["1", "2", "3"]
[[rule]]
id = "network"
when = { category = "network" }
then = { group = "Network" }
before = "*"
[[rule]]
id = "grave"
when = { impact = ["1", "2"] }
then = { group = "Service Desk" }
[[rule]]
id = "slight"
when = { impact = "3" }
then = { group = "Software" }
""",
    ),
    Page(
        "TL005", "Conditions that no incident meets", "error",
        "The conditions of a rule contradict each other, so that it never applies.",
        "correct one of them; `any = [...]` is for alternatives.",
        _RULE.replace('{ category = "network" }', '{ all = [{ category = "network" }, { category = "dns" }] }'),
        _RULE.replace('{ category = "network" }', '{ any = [{ category = "network" }, { category = "dns" }] }'),
    ),
    Page(
        "TL006", "Rules that contradict each other where both hold", "warning",
        "Two rules set one field to different values, and neither is a special case of the other. Which one speaks "
        "depends on their order alone, which the next edit may change. Where only words in a text part them, it is "
        "a remark, which counts with `--strict`. An earlier rule that is a special case of a later one is no finding.",
        "narrow one of the two, or say in the earlier one that its place is meant: `before = [\"other\"]`, or "
        "`before = \"*\"` for all that follow.",
        _RULE + '[[rule]]\nid = "grave"\nwhen = { impact = "1" }\nthen = { group = "Service Desk" }\n',
        _RULE + 'before = "grave"\n[[rule]]\nid = "grave"\nwhen = { impact = "1" }\nthen = { group = "Service Desk" }\n',
    ),
    Page(
        "TL007", "Rules that flip a value back and forth", "error",
        "A rule sets what another one (or it itself) asks, and so on in a circle. The engine notices that such an "
        "incident never comes to rest, leaves it as it is and holds it: nothing is decided.",
        "let the conditions ask something that none of the rules sets.",
        """
[[rule]]
id = "up"
when = { group = "Network" }
then = { category = "software" }
[[rule]]
id = "down"
when = { category = "software" }
then = { group = "Software" }
[[rule]]
id = "back"
when = { group = "Software" }
then = { category = "network" }
[[rule]]
id = "again"
when = { category = "network" }
then = { group = "Network" }
""",
        """
[[rule]]
id = "up"
when = { group = "Network" }
then = { category = "software" }
[[rule]]
id = "down"
when = { category = "software" }
then = { group = "Network" }
""",
    ),
    Page(
        "TL008", "The matrix does not fit the levels", "error",
        "The matrix needs a row for each impact and a column for each urgency; an incident in a cell that is missing "
        "gets no priority.",
        "fill the matrix.",
        "[priority]\nmatrix = [[1, 2, 3], [2, 3, 4]]\n", "[priority]\nmatrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]\n",
    ),
    Page(
        "TL009", "The matrix is not monotonic", "warning",
        "A graver impact or urgency must not give a lesser priority (ITIL: priority rises with both).",
        "put its rows and columns in order, the gravest first.",
        "[priority]\nmatrix = [[1, 2, 3], [2, 4, 3], [3, 4, 5]]\n",
        "[priority]\nmatrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]\n",
    ),
    Page(
        "TL010", "A priority without an inverse", "warning",
        "ServiceNow computes the priority from impact and urgency and ignores a written one. A priority that no cell "
        "of the matrix gives cannot be carried over from Jira: the field is held.",
        "give it a cell, or take it out of the vocabulary.",
        '[vocabulary]\npriority = ["1", "2", "3", "4", "5"]\n[priority]\nmatrix = [[1, 2, 3], [2, 3, 4], [3, 4, 4]]\n',
        '[vocabulary]\npriority = ["1", "2", "3", "4"]\n[priority]\nmatrix = [[1, 2, 3], [2, 3, 4], [3, 4, 4]]\n',
    ),
    Page(
        "TL011", "Several values under one name", "warning",
        "Where one name stands for several values of a side, only the first is ever written: once the other side or "
        "a rule says the name, the others are lost. Values that stay as they are lose nothing.",
        "split the entry, or say why it is meant: `lossy = \"Jira has one word for both\"`.",
        '[vocabulary]\ncategory = [{ name = "network", servicenow = ["network", "dns"], jira = "Network" }]\n',
        '[vocabulary]\ncategory = [\n  { name = "network", servicenow = ["network", "dns"], jira = "Network", '
        'lossy = "Jira has one word for both" },\n]\n',
    ),
    Page(
        "TL012", "A round trip that does not come back", "error",
        "Two names are written as the same value on one side. What a rule sets turns into something else as soon as "
        "it is written and read back.",
        "give each a value of its own there, or make the two one entry.",
        '[vocabulary]\ncategory = [{ name = "network", jira = "Net" }, { name = "dns", jira = "Net" }]\n',
        '[vocabulary]\ncategory = [{ name = "network", jira = "Net" }, { name = "dns", jira = "DNS" }]\n',
    ),
    Page(
        "TL013", "A status that no path of the workflow reaches", "error",
        "An incident that gets this status in ServiceNow is parked, since its issue cannot follow. Issues begin in the "
        "first status of the vocabulary; the workflow is the one in the configuration, else the one in the metadata, "
        "which knows the transitions that issues have shown.",
        "add a transition in Jira, or take the status out of the map.",
        '[vocabulary]\nstatus = [\n  { name = "new", servicenow = "1", jira = "Open" },\n'
        '  { name = "held", servicenow = "3", jira = "Blocked" },\n]\n',
        '[vocabulary]\nstatus = [\n  { name = "new", servicenow = "1", jira = "Open" },\n'
        '  { name = "work", servicenow = "2", jira = "In Progress" },\n]\n',
        _MOVES,
    ),
    Page(
        "TL014", "A status that ends an incident, and no resolution", "warning",
        "ServiceNow refuses to resolve an incident without a close code, and Jira's screen wants a resolution.",
        "list the resolutions, with the close code of each.",
        '[vocabulary]\nstatus = [{ name = "resolved", servicenow = "6", jira = "Resolved" }]\n',
        '[vocabulary]\nstatus = [{ name = "resolved", servicenow = "6", jira = "Resolved" }]\n'
        'resolution = [{ name = "done", servicenow = "Solution provided", jira = "Done" }]\n',
    ),
    Page(
        "TL015", "A time-based rule that can never be due", "error",
        "Its time never comes: the calendar that it counts in has no hours, or it speaks only when an incident is "
        "raised and asks for one that is older.",
        "give the calendar hours, or use another strength.",
        '[[rule]]\nid = "late"\nwhen = { opened = { older_than = "30m" } }\nthen = { urgency = "1" }\n'
        'strength = "on_create"\n',
        '[[rule]]\nid = "late"\nwhen = { opened = { older_than = "30m" } }\nthen = { urgency = "1" }\n',
    ),
    Page(
        "TL016", "A pattern that always or never matches", "warning",
        "A condition that does not depend on the incident is a mistake, or superfluous. For texts this is read off "
        "the pattern's structure, for fields with a vocabulary every value is tried.",
        "correct the pattern, or leave the condition out.",
        "[[rule]]\nid = \"vpn\"\nwhen = { summary = { matches = '(vpn)?' } }\nthen = { group = \"Network\" }\n",
        "[[rule]]\nid = \"vpn\"\nwhen = { summary = { matches = '(?i)\\bvpn\\b' } }\nthen = { group = \"Network\" }\n",
    ),
    Page(
        "TL017", "Something that nobody uses", "warning",
        "An include that matches no file, an empty file, or a calendar that no rule and no target asks. Values of the "
        "vocabulary that no rule and no test names are a remark, which counts with `--strict`.",
        "remove it, or use it.",
        '[[calendar]]\nname = "office"\nhours = ["mon-fri 08:00-17:00"]\n',
        '[[calendar]]\nname = "office"\nhours = ["mon-fri 08:00-17:00"]\n[[rule]]\nid = "night"\n'
        'when = { not = { opened = { within = "office" } } }\nthen = { group = "On call" }\n',
    ),
    Page(
        "TL018", "A rule without a test", "warning",
        "No `[[test]]` reaches the rule, floor or ceiling, so nobody notices when a later change breaks it.",
        "add a test with an incident that it applies to.",
        _RULE, _RULE + _TEST,
    ),
    Page(
        "TL019", "A calendar that does not exist", "error",
        "A condition or a target asks hours that no `[[calendar]]` gives; nothing about rules is checked until it is "
        "there.",
        "correct the name, or add the calendar.",
        '[[rule]]\nid = "night"\nwhen = { not = { opened = { within = "office" } } }\nthen = { group = "On call" }\n',
        '[[calendar]]\nname = "office"\nhours = ["mon-fri 08:00-17:00"]\n[[rule]]\nid = "night"\n'
        'when = { not = { opened = { within = "office" } } }\nthen = { group = "On call" }\n',
    ),
    Page(
        "TL020", "A value that the instance does not have", "error",
        "`tieline metadata pull` keeps what both instances know in a file. A value that is not in it cannot be written "
        "there.",
        "correct the value, or pull the metadata again if the instance has got it since.",
        '[vocabulary]\ncategory = [{ name = "network", servicenow = "networks" }]\n',
        '[vocabulary]\ncategory = [{ name = "network", servicenow = "network" }]\n',
        _OPTIONS,
    ),
    Page(
        "TL021", "A floor and a ceiling that contradict", "warning",
        "For some incidents no priority is within both; the floor wins.",
        "narrow the condition of one of them.",
        """
[priority]
matrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
[[priority.floor]]
id = "vip"
when = { vip = true }
priority = 2
[[priority.ceiling]]
id = "printers"
when = { category = "printer" }
priority = 4
""",
        """
[priority]
matrix = [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
[[priority.floor]]
id = "vip"
when = { vip = true }
priority = 2
[[priority.ceiling]]
id = "printers"
when = { category = "printer", vip = false }
priority = 4
""",
    ),
    Page(
        "TL022", "A subcategory outside its category", "warning",
        "A rule sets a category together with a subcategory that belongs to another one; ServiceNow's form does not "
        "offer it there.",
        "correct one of the two, or the `of` of the subcategory.",
        '[vocabulary]\ncategory = ["network", "hardware"]\nsubcategory = [{ name = "vpn", of = "network" }]\n'
        '[[rule]]\nid = "vpn"\nwhen = { summary = { contains = "vpn" } }\n'
        'then = { category = "hardware", subcategory = "vpn" }\n',
        '[vocabulary]\ncategory = ["network", "hardware"]\nsubcategory = [{ name = "vpn", of = "network" }]\n'
        '[[rule]]\nid = "vpn"\nwhen = { summary = { contains = "vpn" } }\n'
        'then = { category = "network", subcategory = "vpn" }\n',
    ),
    Page(
        "TL023", "A comment that ignores nothing", "warning",
        "A comment `# tieline: ignore TL0xx reason` stands beside or above a line, or beside or above a table's "
        "header for the whole table. One that hides nothing would hide a later mistake; one without a reason hides "
        "nothing at all.",
        "remove it, or write the reason.",
        "# tieline: ignore TL016 an old one\n" + _RULE.lstrip() + _TEST,
        "# tieline: ignore TL018 tried by hand\n" + _RULE.lstrip(),
    ),
    Page(
        "TL024", "A rule that is named and does not exist", "error",
        "A test expects it, or another rule is meant to stand before it.",
        "correct the name.",
        _RULE + _TEST + 'reasons = { group = "netwrok" }\n', _RULE + _TEST + 'reasons = { group = "network" }\n',
    ),
    Page(
        "TL025", "A condition with too many alternatives", "error",
        "Alternatives inside `all` multiply; beyond 512 in one rule it is refused, and nothing about rules is checked.",
        "make two rules of it, or use `in` with a list of values, which counts as one.",
        "[[rule]]\nid = \"many\"\nwhen = { all = [\n"
        + "".join(
            f'  {{ any = [{", ".join(f"""{{ {name} = "{n}" }}""" for n in range(9))}] }},\n'
            for name in ("category", "subcategory", "group")
        )
        + '] }\nthen = { labels = "x" }\n',
        '[[rule]]\nid = "many"\nwhen = { category = ["0", "1", "2"], group = ["0", "1", "2"] }\nthen = { labels = "x" }\n',
    ),
    Page(
        "TL099", "Undecided", "info",
        "The question was too large, or an incident that would settle it could not be made: conditions on text and "
        "time are compared case by case. Nothing is claimed then. It never fails a check.",
        "look at the rule yourself; a simpler condition helps.",
        "[[rule]]\nid = \"one\"\nwhen = { summary = { matches = '^(a|b)+$' } }\nthen = { group = \"x\" }\n"
        "[[rule]]\nid = \"two\"\nwhen = { summary = { matches = '^a+$' } }\nthen = { group = \"y\" }\n",
        "[[rule]]\nid = \"one\"\nwhen = { summary = { contains = 'a' } }\nthen = { group = \"x\" }\n",
    ),
)  # fmt: skip

PAGES: Final[Mapping[str, Page]] = MappingProxyType(
    {page.code: page for page in sorted((*_PAGES, *CONFIG_PAGES, *LINK_PAGES), key=lambda page: page.code)}
)
"""Every code with its page."""

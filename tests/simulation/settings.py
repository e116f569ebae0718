"""The configuration that a scenario's traits ask for, and Jira's workflow as the simulated site has it."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Final

from tests.simulation.scenario import UNITS, Traits
from tieline.connectors.base import Move
from tieline.sync.config.model import Config

INSTALLATION: Final = "sim"
ROUTE: Final = "ops"
TABLE: Final = "incident"
PLACE: Final = "OPS/Incident"
ELSEWHERE: Final = "DEV/Bug"
NOTES: Final = "customfield_10053"
LINK: Final = "correlation_display"
STATES: Final = ("1", "2", "3", "6", "7", "8")
CODES: Final = ("Solution provided", "Workaround provided", "Duplicate", "Known error")
RESOLUTIONS: Final = ("Done", "Workaround", "Duplicate", "Won't Do")
CATEGORIES: Final = ("inquiry", "software", "hardware", "network", "dns", "database")
JIRA_CATEGORIES: Final = ("Inquiry / Help", "Software", "Hardware", "Network", "Database")
PRIORITIES: Final = ("Highest", "High", "Medium", "Low", "Lowest")

_DONE: Final = ("Resolved", "Closed", "Canceled")
_TRANSITIONS: Final = (
    ("11", "Open", "In Progress"), ("12", "In Progress", "Open"), ("61", "Open", "Canceled"),
    ("62", "In Progress", "Canceled"), ("21", "In Progress", "Waiting"), ("31", "Waiting", "In Progress"),
    ("22", "In Progress", "Blocked"), ("32", "Blocked", "In Progress"), ("41", "In Progress", "Resolved"),
    ("51", "Resolved", "Closed"), ("52", "In Progress", "Closed"), ("71", "Resolved", "In Progress"),
    ("72", "Closed", "In Progress"), ("73", "Canceled", "In Progress"),
)  # fmt: skip


def _move(id_: str, start: str, to: str) -> Move:
    done = to in _DONE
    required = frozenset({"resolution"} if done and start != "Resolved" else ())
    notes = frozenset({NOTES} if to in ("Resolved", "Closed") else ())
    return Move(id_, to, done, required | notes, required)


WORKFLOW: Final = {
    status: tuple(_move(id_, start, to) for id_, start, to in _TRANSITIONS if start == status)
    for status in {start for _, start, _ in _TRANSITIONS}
}

_FIELDS: Final = (
    ("summary", "line", "short_description", "summary", ""),
    ("description", "text", "description", "description", "limit = { servicenow = 120, jira = 30000 }"),
    ("category", "choice", "category", "customfield_10051", """map = [
  { servicenow = "inquiry", jira = "Inquiry / Help" }, { servicenow = "software", jira = "Software" },
  { servicenow = "hardware", jira = "Hardware" }, { servicenow = ["network", "dns"], jira = "Network" },
]"""),
    ("subcategory", "choice", "subcategory", "customfield_10052", 'unmapped = "pass"'),
    ("labels", "set", "u_labels", "labels", 'unmapped = "pass"'),
    ("assignee", "person", "assigned_to", "assignee", ""),
    ("group", "group", "assignment_group", "customfield_10050", ""),
)  # fmt: skip

_HEAD: Final = """
installation = "sim"
state = "sqlite:///sim.db"
[servicenow]
url = "https://sim.service-now.com"
auth = {{ kind = "basic", user = "tieline", password = "env:NOBODY" }}
link = "correlation_display"
[jira]
url = "https://sim.atlassian.net"
deployment = "cloud"
auth = {{ kind = "token", user = "t@example.com", token = "env:NOBODY" }}
marker = "customfield_10042"
[limits]
wave = {wave}
max_records = {max_records}
max_share = 1.0
unknown_quiet = "120s"
[[route]]
name = "ops"
servicenow = {{ table = "incident" }}
jira = {{ project = "OPS", issue_type = "Incident"{workflow} }}
since = 2026-01-01
"""

_STATUS: Final = """
[status]
{rules}
reopen = "{reopen}"
jira = {{ status = "status", resolution = "resolution", close_notes = "customfield_10053" }}
map = [
  {{ servicenow = "1", jira = "Open" }}, {{ servicenow = "2", jira = "In Progress" }},
  {{ servicenow = ["3/1", "3"], jira = "Waiting" }}, {{ servicenow = ["3/3", "3/4"], jira = "Blocked" }},
  {{ servicenow = "6", jira = "Resolved" }}, {{ servicenow = "7", jira = "Closed" }},
  {{ servicenow = "8", jira = "Canceled" }},
]
resolution = [
  {{ servicenow = "Solution provided", jira = "Done" }},
  {{ servicenow = "Workaround provided", jira = "Workaround" }},
  {{ servicenow = "Duplicate", jira = "Duplicate" }}, {{ servicenow = "Known error", jira = "Won't Do" }},
]
"""

_PRIORITY: Final = """
[priority]
{rules}
map = [
  {{ servicenow = "1", jira = "Highest" }}, {{ servicenow = "2", jira = "High" }},
  {{ servicenow = "3", jira = "Medium" }}, {{ servicenow = "4", jira = "Low" }},
  {{ servicenow = "5", jira = "Lowest" }},
]
"""


@cache
def configuration(traits: Traits) -> Config:
    """The configuration of a run."""
    hops = ", ".join(f'{{ from = "{start}", to = "{to}" }}' for _, start, to in _TRANSITIONS)
    workflow = f", workflow = [{hops}]" if traits.workflow else ""
    rules = {unit: _rules(traits, number) for number, unit in enumerate(UNITS)}
    parts = [_HEAD.format(wave=traits.wave, max_records=traits.max_records, workflow=workflow)]
    for name, kind, servicenow, jira, more in _FIELDS:
        parts.append(
            f'[[field]]\nname = "{name}"\nkind = "{kind}"\nservicenow = "{servicenow}"\njira = "{jira}"\n'
            f"{rules[name]}\n{more}\n"
        )
    parts.append(_STATUS.format(rules=rules["status"], reopen=traits.reopen))
    parts.append(_PRIORITY.format(rules=rules["priority"]))
    if traits.talk:
        from tests.simulation.talk import SETTINGS as TALK

        parts.append(TALK)
    from tests.simulation.ties import settings as relations

    parts.append(relations(traits))
    if traits.files:
        from tests.simulation.files import SETTINGS

        parts.append(SETTINGS)
    return Config.model_validate(tomllib.loads("\n".join(parts)))


def _rules(traits: Traits, number: int) -> str:
    return f'clash = "{traits.clash[number]}"\ntie = "{traits.tie[number]}"\nfirst = "{traits.first}"'

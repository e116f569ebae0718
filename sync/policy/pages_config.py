"""The pages of findings about a policy beside its configuration, and about major incidents."""

from __future__ import annotations

from typing import Final

from tieline.sync.policy.page import Page

_CONFIG: Final = """
installation = "example"
[servicenow]
url = "https://example.service-now.com"
auth = { kind = "basic", user = "tieline", password = "env:SNOW_PASSWORD" }
[jira]
url = "https://example.atlassian.net"
deployment = "cloud"
marker = "labels"
auth = { kind = "token", user = "t@example.com", token = "env:JIRA_TOKEN" }
[[route]]
name = "ops"
jira = { project = "OPS", issue_type = "Incident" }
since = 2026-01-01
[[field]]
name = "summary"
kind = "line"
servicenow = "short_description"
jira = "summary"
[priority]
map = [
  { servicenow = "1", jira = "Highest" }, { servicenow = "2", jira = "High" }, { servicenow = "3", jira = "Medium" },
  { servicenow = "4", jira = "Low" }, { servicenow = "5", jira = "Lowest" },
]
"""
_CATEGORY: Final = """[[field]]
name = "category"
kind = "choice"
servicenow = "category"
jira = "customfield_10051"
unmapped = "pass"
"""
_OFTEN: Final = """[policy]
[[policy.links.closure]]
id = "often"
needs = ["problem"]
alike = 3
problem = "open"
"""
CONFIG_PAGES: Final = (
    Page(
        "TL026", "A matrix that is not the configuration's", "error",
        "The policy and the `[priority]` of the configuration say differently what impact and urgency make. "
        "ServiceNow computes one of the two: rules would be undone, or never come to rest. A pass refuses to begin.",
        "take the matrix out of the policy, which then has the configuration's; or correct one of them.",
        _CONFIG + "[policy.priority]\nmatrix = [[1, 1, 2], [2, 3, 4], [3, 4, 5]]\n",
        _CONFIG + "[policy.priority]\nfloor = [{ id = \"vip\", when = { vip = true }, priority = 2 }]\n",
    ),
    Page(
        "TL027", "A value that no ticket gets", "warning",
        "A rule sets a field that the configuration does not mirror, or in one direction only. `test` and `simulate` "
        "show the value; a pass writes it to neither side.",
        "add a `[[field]]` of this name, say in `[fields]` on which side it stands, or leave it out. Flags are remembered by Tieline and need none.",
        _CONFIG + "[policy]\n[[policy.rule]]\nid = \"vpn\"\nwhen = { summary = { contains = \"vpn\" } }\n"
        'then = { category = "network" }\n',
        _CONFIG + _CATEGORY + "[policy]\n[[policy.rule]]\nid = \"vpn\"\n"
        "when = { summary = { contains = \"vpn\" } }\nthen = { category = \"network\" }\n",
    ),
    Page(
        "TL028", "A field that a pass does not read", "warning",
        "A condition, of a rule about links too, names a field that is neither mirrored nor said to stand anywhere. In "
        "a pass it counts as empty. Comments are heard where `[comments]` mirrors conversations, and nowhere else.",
        "mirror it, or say where it stands; columns may be reached over references.",
        _CONFIG + "[policy.fields]\nsite = \"choice\"\n[[policy.rule]]\nid = \"boston\"\nwhen = { site = \"Boston\" }\n"
        "then = { urgency = 1 }\n",
        _CONFIG + "[policy.fields]\nsite = { kind = \"choice\", servicenow = \"location.name\" }\n[[policy.rule]]\n"
        "id = \"boston\"\nwhen = { site = \"Boston\" }\nthen = { urgency = 1 }\n",
    ),
    Page(
        "TL029", "A major incident that leaves its label behind", "warning",
        "What `[major]` labels with `then` stays on the ticket when the major incident has ended.",
        "take the label off: `afterwards = { unlabel = \"...\" }`.",
        '[major]\nwhen = { impact = 1 }\nuntil = { status = "resolved" }\nthen = { labels = "major" }\n',
        '[major]\nwhen = { impact = 1 }\nuntil = { status = "resolved" }\nthen = { labels = "major" }\n'
        'afterwards = { unlabel = "major" }\n',
    ),
    Page(
        "TL036", "A problem that is not opened", "warning",
        "A rule of closure opens problems, and the configuration has no `[[links.type]]` that carries the relation `problem` "
        "of incidents to ServiceNow. Nothing could tie them to it, so that it is proposed to people instead.",
        "add a `[[links.type]]` of it that is not `direction = \"to_jira\"`, or write `problem = \"propose\"`.",
        _CONFIG + _OFTEN,
        _CONFIG + "[[links.type]]\nrelation = \"problem\"\njira = \"Problem/Incident\"\n" + _OFTEN,
    ),
)  # fmt: skip
"""The pages, by code."""

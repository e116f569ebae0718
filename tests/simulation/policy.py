"""The rules by which the simulated desk works, where a run has a policy."""

from __future__ import annotations

from typing import Final

POLICY: Final = """
[[rule]]
id = "to-one"
when = { category = "network" }
then = { group = "Group 1" }

[[rule]]
id = "urgent"
when = { category = "hardware" }
then = { urgency = 1, note = "Hardware is urgent." }
strength = "always"

[[rule]]
id = "working"
when = { status = "2" }
then = { labels = "worked-on", note = { servicenow = "Somebody works on it." } }

[[rule]]
id = "old"
when = { category = "software", opened = { older_than = "10m" } }
then = { category = "inquiry" }

[[rule]]
id = "not-yet"
when = { summary = { contains = "3" }, not = { opened = { older_than = "10m" } } }
then = { hold = "wait for ten minutes" }

[[rule]]
id = "held"
when = { subcategory = { contains = "sub4" } }
then = { hold = "somebody looks at it" }
"""

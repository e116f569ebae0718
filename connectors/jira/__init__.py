"""Jira Cloud and Data Center through jira and the hardened transport."""

"""A stand-in for Jira Cloud and Data Center over HTTP, with their rules, limits, webhooks and faults."""

from tieline.connectors.sandbox.jira.sandbox import JiraSandbox, Ticket

__all__ = ["JiraSandbox", "Ticket"]

"""A stand-in for Jira Cloud and Data Center over HTTP, with their rules; no webhooks, no attachments."""

from tieline.connectors.sandbox.jira.sandbox import JiraSandbox, Ticket

__all__ = ["JiraSandbox", "Ticket"]

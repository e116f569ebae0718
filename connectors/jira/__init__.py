"""Jira Cloud and Data Center through jira and the hardened transport."""

from tieline.connectors.jira.connector import JiraConnector
from tieline.connectors.jira.settings import JiraSettings
from tieline.connectors.jira.wire import only_reads

__all__ = ["JiraConnector", "JiraSettings", "only_reads"]

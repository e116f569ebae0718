"""Fields that move together or not at all: those of the status, and those of the priority."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from tieline.sync.config.merging import Merging, ValueEdge
from tieline.sync.config.values import Count, JiraField, Line, OptionalServiceNowField, ServiceNowField, Table

STOCK_MATRIX: Final = ((1, 2, 3), (2, 3, 4), (3, 4, 5))
"""ITIL's priority by impact (rows) and urgency (columns), as ServiceNow comes."""


class StatusServiceNow(Table):
    """The columns that make up an incident's status."""

    state: ServiceNowField = Field(default="state", description="The state.")
    hold_reason: OptionalServiceNowField = Field(
        default="hold_reason", description='Why it is on hold; "" for none.'
    )
    close_code: OptionalServiceNowField = Field(
        default="close_code", description='How it was resolved; "" for none.'
    )
    close_notes: OptionalServiceNowField = Field(
        default="close_notes", description='What was done; "" for none.'
    )


class StatusJira(Table):
    """The fields that make up an issue's status."""

    status: JiraField = Field(default="status", description="The status.")
    resolution: JiraField = Field(default="resolution", description="How it was resolved.")
    close_notes: JiraField | None = Field(
        default=None, description="What was done: a text field; left out, notes stay in ServiceNow."
    )


class Status(Merging):
    """State, hold reason, resolution, close code and close notes: they move together or not at all."""

    servicenow: StatusServiceNow = Field(
        default_factory=StatusServiceNow, description="ServiceNow's columns."
    )
    jira: StatusJira = Field(default_factory=StatusJira, description="Jira's fields.")
    reopen: Literal["write", "child", "comment"] = Field(
        default="write",
        description="A closed incident reopened in Jira: write it, open a child, or leave a comment.",
    )
    default_close_code: Line = Field(
        default="Solution provided",
        description="Close code for a resolution that the map does not know; ServiceNow demands one.",
    )
    default_close_notes: Line = Field(
        default="Resolved in Jira.", description="Close notes where Jira has none; ServiceNow demands some."
    )
    resolved: tuple[Line, ...] = Field(
        default=("6", "7"), description="States of ServiceNow in which it is resolved or closed."
    )
    canceled: tuple[Line, ...] = Field(
        default=("8",), description="Further states in which nothing more is done about it."
    )
    map: tuple[ValueEdge, ...] = Field(
        description='States and statuses that mean the same; "3/4" is state 3 with hold reason 4.'
    )
    resolution: tuple[ValueEdge, ...] = Field(
        default=(), description="Close codes and resolutions that mean the same."
    )


class PriorityServiceNow(Table):
    """The columns that make up an incident's priority."""

    impact: ServiceNowField = Field(default="impact", description="The impact.")
    urgency: ServiceNowField = Field(default="urgency", description="The urgency.")
    priority: ServiceNowField = Field(
        default="priority", description="The priority, which ServiceNow computes from the two."
    )


class Priority(Merging):
    """Impact, urgency and priority: they move together or not at all."""

    servicenow: PriorityServiceNow = Field(
        default_factory=PriorityServiceNow, description="ServiceNow's columns."
    )
    jira: JiraField = Field(default="priority", description="Jira's field.")
    matrix: tuple[tuple[Count, ...], ...] = Field(
        default=STOCK_MATRIX,
        description="ServiceNow's priority by impact 1 to 3 (rows) and urgency 1 to 3 (columns).",
    )
    map: tuple[ValueEdge, ...] = Field(description="Priorities that mean the same.")

"""What is said of all that is mirrored: which way values travel, who wins, and which values mean the same."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tieline.sync.config.values import Alternatives, Table

Direction = Literal["both", "to_jira", "to_servicenow"]
Clash = Literal["newest", "servicenow", "jira", "hold"]
Decision = Literal["servicenow", "jira", "hold"]


class Merging(Table):
    """Which way values travel, and who wins."""

    direction: Direction = Field(default="both", description="Which way values travel.")
    clash: Clash = Field(
        default="newest", description="Who wins if both sides moved it apart; `hold` leaves it to people."
    )
    tie: Decision = Field(
        default="hold", description="Who wins where `newest` cannot tell which side was later."
    )
    first: Decision = Field(
        default="hold", description="Who wins where there is no history, as in an adopted pair."
    )


class ValueEdge(Table):
    """Values that mean the same on both sides; the first of a list is the one that Tieline writes."""

    servicenow: Alternatives = Field(description="ServiceNow's value, or several.")
    jira: Alternatives = Field(description="Jira's value, or several.")

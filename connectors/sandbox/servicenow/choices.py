"""The choice lists of a fresh instance, and how a value finds its label; written rows are the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tieline.connectors.sandbox.servicenow.schema import Row, Table
from tieline.connectors.sandbox.servicenow.store import Rows

NEW, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELED = "1", "2", "3", "6", "7", "8"

_LEVELS: Final = (("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low"))
_STATES: Final = (
    (NEW, "New"), (IN_PROGRESS, "In Progress"), (ON_HOLD, "On Hold"), (RESOLVED, "Resolved"),
    (CLOSED, "Closed"), (CANCELED, "Canceled"),
)  # fmt: skip
_PROBLEM_STATES: Final = (
    ("101", "New"), ("102", "Assess"), ("103", "Root Cause Analysis"), ("104", "Fix in Progress"),
    ("106", "Resolved"), ("107", "Closed"),
)  # fmt: skip
_CLOSE_CODES: Final = (
    "Solution provided", "Workaround provided", "Resolved by caller", "Resolved by change",
    "Resolved by problem", "Resolved by request", "Known error", "Duplicate", "User error",
    "No resolution provided",
)  # fmt: skip

_STOCK: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("task", "state"): (("-5", "Pending"), ("1", "Open"), ("2", "Work in Progress"), ("3", "Closed Complete"),
                        ("4", "Closed Incomplete"), ("7", "Closed Skipped")),
    ("task", "priority"): (("1", "1 - Critical"), ("2", "2 - High"), ("3", "3 - Moderate"), ("4", "4 - Low"),
                           ("5", "5 - Planning")),
    ("task", "impact"): _LEVELS,
    ("task", "urgency"): _LEVELS,
    ("task", "escalation"): (("0", "Normal"), ("1", "Moderate"), ("2", "High"), ("3", "Overdue")),
    ("task", "approval"): (("not requested", "Not Yet Requested"), ("requested", "Requested"),
                           ("approved", "Approved"), ("rejected", "Rejected")),
    ("task", "upon_approval"): (("proceed", "Proceed to Next Task"),
                                ("do_nothing", "Wait for a User to Decide this Task's Fate")),
    ("task", "upon_reject"): (("cancel", "Cancel all future Tasks"), ("goto", "Go to a previous Task")),
    ("task", "contact_type"): (("chat", "Chat"), ("email", "Email"), ("phone", "Phone"),
                               ("self-service", "Self-service"), ("virtual_agent", "Virtual Agent"),
                               ("walk-in", "Walk-in")),
    ("incident", "state"): _STATES,
    ("incident", "incident_state"): _STATES,
    ("incident", "hold_reason"): (("1", "Awaiting Caller"), ("3", "Awaiting Problem"),
                                  ("4", "Awaiting Vendor"), ("5", "Awaiting Change")),
    ("incident", "severity"): _LEVELS,
    ("incident", "notify"): (("1", "Do Not Notify"), ("2", "Send Email"), ("3", "Phone")),
    ("incident", "category"): (("inquiry", "Inquiry / Help"), ("software", "Software"),
                               ("hardware", "Hardware"), ("network", "Network"), ("database", "Database"),
                               ("dns", "DNS")),
    ("incident", "close_code"): tuple((code, code) for code in _CLOSE_CODES),
    ("problem", "state"): _PROBLEM_STATES,
    ("problem", "problem_state"): _PROBLEM_STATES,
    ("problem", "resolution_code"): (("fix_applied", "Fix Applied"), ("risk_accepted", "Risk Accepted"),
                                     ("duplicate", "Duplicate"), ("canceled", "Canceled")),
    ("change_request", "state"): (("-5", "New"), ("-4", "Assess"), ("-3", "Authorize"), ("-2", "Scheduled"),
                                  ("-1", "Implement"), ("0", "Review"), ("3", "Closed"), ("4", "Canceled")),
    ("change_request", "type"): (("normal", "Normal"), ("standard", "Standard"), ("emergency", "Emergency")),
    ("change_request", "close_code"): (("successful", "Successful"),
                                       ("successful_issues", "Successful with issues"),
                                       ("unsuccessful", "Unsuccessful")),
    ("sys_user", "notification"): (("1", "Disable"), ("2", "Enable")),
    ("sys_user", "calendar_integration"): (("1", "Outlook"),),
}  # fmt: skip

_SUBCATEGORIES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "inquiry": (("antivirus", "Antivirus"), ("email", "Email"),
                ("internal application", "Internal Application")),
    "software": (("email", "Email"), ("os", "Operating System"), ("operating system", "Operating system")),
    "hardware": (("cpu", "CPU"), ("disk", "Disk"), ("keyboard", "Keyboard"), ("memory", "Memory"),
                 ("monitor", "Monitor"), ("mouse", "Mouse")),
    "network": (("dhcp", "DHCP"), ("dns", "DNS"), ("ip address", "IP Address"), ("vpn", "VPN"),
                ("wireless", "Wireless")),
    "database": (("db2", "DB2"), ("oracle", "Oracle"), ("sql server", "MS SQL Server")),
}  # fmt: skip


def stock_choices() -> Iterator[Row]:
    """The columns that tell the entries of a fresh instance apart, as rows of sys_choice."""
    for (table, element), entries in _STOCK.items():
        for at, (value, label) in enumerate(entries):
            yield choice_row(table, element, value, label, sequence=at)
    for category, entries in _SUBCATEGORIES.items():
        for at, (value, label) in enumerate(entries):
            yield choice_row("incident", "subcategory", value, label, sequence=at, dependent_value=category)


def choice_row(
    table: str, element: str, value: str, label: str, *, sequence: int, dependent_value: str = ""
) -> Row:
    """The values of one entry of a choice list."""
    return {
        "name": table, "element": element, "value": value, "label": label, "sequence": str(sequence),
        "dependent_value": dependent_value,
    }  # fmt: skip


class ChoiceLists:
    """Labels by table, element and value, read from the rows of sys_choice and kept until those change."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._read = -1
        self._labels: dict[tuple[str, str], dict[str, str]] = {}

    def labels(self, table: Table, element: str) -> dict[str, str]:
        """Labels by value: the table's own list, else its parent's; empty if there is none."""
        if self._read != self._rows.changes:
            self._load()
        for name in table.lineage:
            found = self._labels.get((name, element))
            if found:
                return found
        return {}

    def value_of(self, table: Table, element: str, said: str) -> str | None:
        """The value behind a label or value, whatever its case; None if the list has neither."""
        labels = self.labels(table, element)
        if said in labels:
            return said
        wanted = said.casefold()
        return next((v for v, label in labels.items() if wanted in (label.casefold(), v.casefold())), None)

    def _load(self) -> None:
        self._labels = {}
        for row in self._rows:
            self._labels.setdefault((row["name"], row["element"]), {}).setdefault(row["value"], row["label"])
        self._read = self._rows.changes

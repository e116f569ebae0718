"""Fills a fresh instance: choice lists and dictionary of every instance, then the people of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tieline.connectors.sandbox.servicenow.choices import stock_choices
from tieline.connectors.sandbox.servicenow.records import Actor, Records
from tieline.connectors.sandbox.servicenow.schema import Column, Table
from tieline.connectors.sandbox.servicenow.store import Store
from tieline.connectors.sandbox.servicenow.tables import parents

PEOPLE: Final = (
    "abel.tuter", "beth.anglin", "bow.ruggeri", "david.loo", "fred.luddy", "joe.employee", "bud.richman",
    "vip.person",
)  # fmt: skip
GROUPS: Final = ("Service Desk", "Network", "Database", "Hardware", "Software")
VIP: Final = "vip.person"


def stock(store: Store, records: Records, actor: Actor) -> None:
    """What every instance has: choice lists, and the dictionary of the tables that are here."""
    for row in stock_choices():
        records.insert(store.tables["sys_choice"], row, actor)
    for table in (*parents().values(), *store.tables.values()):
        for entry in _dictionary(table):
            records.insert(store.tables["sys_dictionary"], entry, actor)


def _dictionary(table: Table) -> Iterator[dict[str, str]]:
    yield {"name": table.name, "column_label": table.label, "internal_type": "collection"}
    for column in table.own:
        yield _entry(table, column)


def _entry(table: Table, column: Column) -> dict[str, str]:
    return {
        "name": table.name,
        "element": column.name,
        "column_label": column.label,
        "internal_type": column.type,
        "max_length": str(column.max_length),
        "reference": column.reference,
        "default_value": column.default,
        "choice": str(column.choice),
        "dependent": column.dependent,
        "display": "true" if column.name == table.display else "false",
        "primary": "true" if column.name == "sys_id" else "false",
    }


def spoken_name(user_name: str) -> tuple[str, str]:
    """First and last name of a user name like `beth.anglin`."""
    first, _, last = user_name.replace("_", ".").partition(".")
    return first.capitalize(), last.replace(".", " ").title()

"""Looks for what an instance does in silence: journals counted and not shown, terms of queries dropped.

Reads only; each look is one small request.
"""

from __future__ import annotations

from typing import Final

from tieline.connectors.errors import Denied, Malformed
from tieline.connectors.servicenow.wire import Wire

_NO_COLUMN: Final = "u_tieline_no_such_column"
_JOURNALS: Final = "sys_journal_field"


def journals(wire: Wire, table: str) -> str:
    """Why the rows of the journals of `table` are not shown; "" where they are, or there are none.

    ServiceNow, "Access control list rules": rows that may not be read are left out of a list and counted.
    """
    asked = f"name={table}^elementINcomments,work_notes^ORDERBYDESCsys_created_on"
    try:
        page, _ = wire.rows(_JOURNALS, asked, ("sys_id", "element_id", "value"), limit=20)
    except (Denied, Malformed) as error:
        return str(error)
    if page.total and not page.rows:
        return f"{_JOURNALS} counts {page.total} entries and shows none"
    if any("value" not in row for row in page.rows):
        return f"{_JOURNALS} shows its entries without their text"
    return ""


def drops_terms(wire: Wire, table: str) -> bool:
    """Whether a term about a column that there is not is dropped, so that everything matches.

    ServiceNow, "Table API": glide.invalid_query.returns_no_rows. False also where the table is empty.
    """
    try:
        page, _ = wire.rows(table, f"{_NO_COLUMN}=x", ("sys_id",), limit=1)
    except (Denied, Malformed):
        return False
    return bool(page.rows)

"""The rendered journals of a record: without any entry there is nothing to cut."""

from __future__ import annotations

import pytest

from tieline.connectors.servicenow.stream import Viewer, entries


@pytest.mark.parametrize("empty", ["", "\n", " \r\n\r\n"])
def test_a_journal_without_an_entry_is_empty(empty: str) -> None:
    assert entries(empty, empty, empty, Viewer("%Y-%m-%d %H:%M:%S", "UTC")) == []

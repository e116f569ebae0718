"""The rendered journals of a record: without any entry there is nothing to cut."""

from __future__ import annotations

import pytest

from tieline.connectors.servicenow.stream import entries, viewer


@pytest.mark.parametrize("empty", ["", "\n", " \r\n\r\n"])
def test_a_journal_without_an_entry_is_empty(empty: str) -> None:
    assert entries(empty, empty, empty, viewer([], "UTC")) == []

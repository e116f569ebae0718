"""A check of a policy file starts without what it does not need: it is run at every commit."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import holidays
import pytest

from tieline.sync.policy.public_holidays import holidays_of

CHECK = """
import json, sys
sys.argv = ["tieline", "policy", "check", sys.argv[1]]
from tieline import cli
try:
    cli.main()
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]))
"""
NOT_NEEDED = (
    "tieline.sync.config.model", "tieline.sync.model", "tieline.sync.links", "tieline.sync.store",
    "tieline.connectors.richtext", "tieline.sync.policy.pages", "rapidfuzz", "requests", "sqlalchemy", "rich",
    "holidays.countries",
)  # fmt: skip


def test_a_check_imports_what_it_needs(root: Path) -> None:
    example = str(root / "docs" / "examples" / "policy.toml")
    done = subprocess.run(
        [sys.executable, "-c", CHECK, example], capture_output=True, text=True, check=True, timeout=60
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert [name for name in NOT_NEEDED if name in modules] == []


@pytest.mark.parametrize("country", ["DE", "US", "GB", "FR", "AT", "CH", "IN", "USA", "UK", "GU"])
def test_holidays_of_one_country_are_those_of_the_library(country: str) -> None:
    ours, theirs = holidays_of(country, None), holidays.country_holidays(country)
    days = [date(2026, month, day) for month in range(1, 13) for day in range(1, 29)]
    assert [day in ours for day in days] == [day in theirs for day in days]


def test_a_part_of_a_country_and_what_is_unknown() -> None:
    assert date(2026, 3, 8) in holidays_of("DE", "BE")
    assert date(2026, 3, 8) not in holidays_of("DE", "BY")
    for country, part in (("DE", "XX"), ("QQ", None)):
        with pytest.raises((KeyError, NotImplementedError)):
            holidays_of(country, part)

"""Files under everything that goes wrong: each arrives once, whole, and never comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from unittest.mock import patch

import pytest

from tests.simulation.files import FOLDER, broken_promises, with_files
from tests.simulation.oracle import judge
from tests.simulation.scenario import generate
from tests.simulation.simulation import run
from tieline.sync.attachments import aspect, matching

SEEDS = 5


@pytest.mark.parametrize("first", range(0, SEEDS, 5))
def test_every_file_arrives_once(first: int) -> None:
    reach: Counter[str] = Counter()
    for seed in range(first, first + 5):
        story = run(with_files(generate(seed)))
        reach.update(story.world.reach)
        assert not story.crash, f"seed {seed}: {story.crash}"
        assert list(broken_promises(story)) == [], f"seed {seed}"
        assert [v for v in judge(story) if v.promise in ("P1", "P6", "P8", "P9")] == [], f"seed {seed}"
    assert reach["write Attach at jira"] >= 10
    assert reach["write Attach at servicenow"] >= 10
    assert not list(FOLDER.glob("*")), "something was left in the spool"


@pytest.mark.parametrize(
    ("owner", "name", "defect", "seed"),
    [
        (aspect, "free_name", lambda name, _taken: name, 0),
        (matching, "is_copy", lambda _copy, _file: False, 1),
    ],
    ids=["names are not kept apart", "copies are not known again"],
)
def test_a_defect_is_caught(owner: object, name: str, defect: Callable[..., object], seed: int) -> None:
    with patch.object(owner, name, defect):
        assert list(broken_promises(run(with_files(generate(seed)))))

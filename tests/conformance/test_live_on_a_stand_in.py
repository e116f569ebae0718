"""The suite for live systems, pointed at stand-ins that are served: it reaches both sides of a configuration.

Only a few of its tests are run here, so that it cannot rot; `make conformance-live` runs all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import RealClock, RequestLog, Server
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.world import World

FEW = "identity_is_ours or each_field or found_once_by_its_marker or refusal or cannot_do"


def reached(folder: Path, text: str, world: World) -> str:
    """What the suite says of the systems of a configuration."""
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    more = {"TIELINE_CONFORMANCE": str(path), "TIELINE_CONFORMANCE_LAG": "0", **world.environment()}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-q", "-k", FEW, str(Path(__file__).parent / "test_live.py")],
        env={**os.environ, **more}, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
def test_one_variable_points_the_suite_at_both_systems(deployment: str, root: Path, tmp_path: Path) -> None:
    template = (root / "config.example.toml").read_text(encoding="utf-8")
    with World(RealClock(), index_lag=(timedelta(0), timedelta(0))) as world:
        text = world.configuration(template)
        if deployment == "cloud":
            assert "10 passed" in reached(tmp_path, text, world)
            return
        site = JiraSandbox(RealClock(), deployment="datacenter", accounts={"tieline": world.secrets.jira})
        server = Server(site, RequestLog()).start()
        text = text.replace(world.urls[1], server.url).replace(
            'deployment = "cloud"', 'deployment = "datacenter"'
        )
        text = text.replace(
            'kind = "token", user = "tieline@example.com", token',
            'kind = "basic", user = "tieline", password',
        )
        try:
            assert "10 passed" in reached(tmp_path, text, world)
        finally:
            server.stop()

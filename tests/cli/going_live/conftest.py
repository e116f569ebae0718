"""Stand-ins of both systems, and the real program in a folder of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tieline.cli import main
from tieline.cli import root as root_command
from tieline.connectors.sandbox.core import RealClock
from tieline.connectors.sandbox.world import JIRA_USER, SERVICENOW_USER, World


@dataclass
class Desk:
    """A person at a terminal, in `folder`, beside a served sandbox."""

    world: World
    folder: Path
    template: str
    extra: dict[str, str] = field(default_factory=dict)

    def process(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `tieline` as a process of its own; the exit code must be `code` (None: any)."""
        done = subprocess.run(
            [sys.executable, "-m", "tieline.cli", *arguments],
            cwd=self.folder, env={**os.environ, **self.world.environment(), **self.extra},
            capture_output=True, text=True, input="", timeout=100, check=False,
        )  # fmt: skip
        return self._checked(done, code)

    def run(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """The same in this process, which spares a start: with the program's own way in, and out."""
        out, err, typed = io.StringIO(), io.StringIO(), io.StringIO()
        ended: object = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["tieline", *arguments])
            patch.setattr(sys, "stdin", typed)
            patch.chdir(self.folder)
            for name, secret in {**self.world.environment(), **self.extra}.items():
                patch.setenv(name, secret)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    main()
                except SystemExit as end:
                    ended = end.code
        number = ended if isinstance(ended, int) else 0
        done = subprocess.CompletedProcess(list(arguments), number, out.getvalue(), err.getvalue())
        return self._checked(done, code)

    def _checked(
        self, done: subprocess.CompletedProcess[str], code: int | None
    ) -> subprocess.CompletedProcess[str]:
        if code is not None:
            assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert self.world.secrets.jira not in done.stdout + done.stderr
        assert self.world.secrets.servicenow not in done.stdout + done.stderr
        return done

    def inside(self, command: str, *arguments: str, code: int | None = 0) -> str:
        """What a command prints, run by itself on `config.toml`: for its many cases."""
        config = str(self.folder / "config.toml")
        environment = {**self.world.environment(), **self.extra}
        done = CliRunner(env=environment).invoke(root_command, [command, "--config", config, *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        if code is not None:
            assert done.exit_code == code, f"{done.exit_code}: {done.output}"
        assert self.world.secrets.jira not in done.output
        return done.stdout

    def configure(self, changes: Callable[[str], str] = lambda text: text, name: str = "config.toml") -> Path:
        """The example configuration for this sandbox, with changes."""
        path = self.folder / name
        path.write_text(changes(self.world.configuration(self.template)), encoding="utf-8")
        return path

    def init_options(self) -> list[str]:
        """What `init` needs to know to ask nothing."""
        servicenow, jira = self.world.urls
        return [
            "--servicenow-url", servicenow, "--servicenow-user", SERVICENOW_USER,
            "--servicenow-password", "env:TIELINE_SERVICENOW_PASSWORD",
            "--jira-url", jira, "--jira-user", JIRA_USER, "--jira-token", "env:TIELINE_JIRA_TOKEN",
            "--since", "2020-01-01", "--yes",
        ]  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, root: Path) -> Iterator[Desk]:
    template = (root / "config.example.toml").read_text(encoding="utf-8")
    with World(RealClock(), index_lag=(timedelta(0), timedelta(0))) as world:
        yield Desk(world, tmp_path, template)

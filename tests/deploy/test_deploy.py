"""The files in deploy/: accepted by the programs that read them or by their schemas, with real options."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
VERSIONS = ("1.29", "1.31", "1.33")


@pytest.fixture(scope="module")
def deploy() -> Path:
    return Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture(scope="module")
def program() -> click.Group:
    from tieline.cli import root

    return root


def accepts(program: click.Group, words: list[str]) -> None:
    """Parse a command line of the program without running it."""
    context = program.make_context("tieline", list(words), resilient_parsing=False)
    name, command, rest = program.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    while isinstance(command, click.Group):
        inner = command.make_context(name, rest, parent=context)
        name, command, rest = command.resolve_command(inner, [*inner._protected_args, *inner.args])
        context = inner
        assert command is not None
    command.make_context(name, rest, parent=context)


def tieline_commands(text: str) -> Iterator[list[str]]:
    """Every call of the program in a shell line."""
    for found in re.finditer(r"(?:^|[\s;/])tieline(?:\.exe\"?)?((?:\s+(?![|&>;])[^\s|&>;]+)+)", text):
        yield shlex.split(found.group(1))


def documents(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yaml = pytest.importorskip("yaml")
    for file in sorted((folder / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            yield file.name, document


def pod_of(document: Mapping[str, Any]) -> Any:
    spec = document["spec"]
    return (
        spec["jobTemplate"]["spec"]["template"]["spec"] if "jobTemplate" in spec else spec["template"]["spec"]
    )


class TestKubernetes:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_manifests_are_valid(self, deploy: Path, version: str) -> None:
        validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
        kinds = []
        for _, document in documents(deploy):
            validator.validate(document, version, strict=True)
            kinds.append(document["kind"])
        assert sorted(kinds) == ["ConfigMap", "CronJob", "Deployment", "PersistentVolumeClaim"]

    def test_the_validator_would_say_no(self, deploy: Path) -> None:
        validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
        (job,) = (document for _, document in documents(deploy) if document["kind"] == "CronJob")
        wrong = {**job, "spec": {**job["spec"], "concurencyPolicy": "Forbid"}}
        with pytest.raises(validator.ValidationError):
            validator.validate(wrong, VERSIONS[0], strict=True)

    def test_one_at_a_time_without_rights(self, deploy: Path) -> None:
        by_kind = {document["kind"]: document for _, document in documents(deploy)}
        assert by_kind["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"
        assert by_kind["Deployment"]["spec"]["replicas"] == 1
        assert by_kind["Deployment"]["spec"]["strategy"]["type"] == "Recreate"
        for kind in ("CronJob", "Deployment"):
            pod = pod_of(by_kind[kind])
            (container,) = pod["containers"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["terminationGracePeriodSeconds"] >= 60
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}
            assert "requests" in container["resources"]

    def test_the_commands_exist(self, deploy: Path, program: click.Group) -> None:
        calls = []
        for _, document in documents(deploy):
            if document["kind"] in ("CronJob", "Deployment"):
                (container,) = pod_of(document)["containers"]
                calls += [container["args"]] if "args" in container else []
                probe = container.get("livenessProbe", {}).get("exec", {}).get("command", [])
                for line in [*container.get("command", [])[2:], *probe[2:]]:
                    calls += tieline_commands(line)
        assert len(calls) == 3
        for words in calls:
            accepts(program, words)


class TestSystemd:
    def test_systemd_accepts_them(self, deploy: Path, tmp_path: Path) -> None:
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            pytest.skip("systemd-analyze is not installed")
        here = str(Path(sys.executable).with_name("tieline"))
        units = []
        for unit in sorted((deploy / "systemd").iterdir()):
            text = unit.read_text(encoding="utf-8").replace("/opt/tieline/bin/tieline", here)
            units.append(tmp_path / unit.name)
            units[-1].write_text(text, encoding="utf-8")
        assert len(units) == 3
        done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def test_systemd_would_say_no(self, deploy: Path, tmp_path: Path) -> None:
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            pytest.skip("systemd-analyze is not installed")
        unit = tmp_path / "tieline-sync.timer"
        text = (deploy / "systemd" / unit.name).read_text(encoding="utf-8").replace("2min", "two minutes")
        unit.write_text(text, encoding="utf-8")
        done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
        assert done.returncode or done.stderr

    def test_what_needs_a_person_is_no_failure(self, deploy: Path) -> None:
        for unit in (deploy / "systemd").glob("*.service"):
            text = unit.read_text(encoding="utf-8")
            assert "SuccessExitStatus=3" in text, unit.name
            assert "KillSignal=SIGTERM" in text, unit.name
            assert "UMask=0077" in text, unit.name

    def test_the_commands_exist(self, deploy: Path, program: click.Group) -> None:
        for unit in (deploy / "systemd").glob("*.service"):
            (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(encoding="utf-8"), flags=re.MULTILINE)
            accepts(program, shlex.split(line)[1:])


class TestContainer:
    """A linter is not to be had here: what one would say first is checked by hand."""

    @pytest.fixture
    def instructions(self, deploy: Path) -> list[tuple[str, str]]:
        text = (deploy / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]

    def test_only_instructions_that_exist(self, instructions: list[tuple[str, str]]) -> None:
        known = {
            "FROM", "RUN", "COPY", "ENV", "LABEL", "USER", "WORKDIR", "VOLUME", "STOPSIGNAL", "ENTRYPOINT",
            "CMD",
        }  # fmt: skip
        assert {name for name, _ in instructions} <= known
        assert instructions[0][0] == "FROM"

    def test_pinned_unprivileged_and_stoppable(self, instructions: list[tuple[str, str]]) -> None:
        images = [text for name, text in instructions if name == "FROM"]
        assert all(re.search(r":\d", image) and "latest" not in image for image in images)
        last = dict(instructions)
        assert re.fullmatch(r"\d+:\d+", last["USER"]), "a number, so that runAsNonRoot can be checked"
        assert last["STOPSIGNAL"] == "SIGTERM"
        assert last["ENTRYPOINT"].startswith("[") and last["CMD"].startswith("[")
        names = [name for name, _ in instructions]
        assert names.index("USER") > max(n for n, name in enumerate(names) if name == "RUN")
        secret = re.compile(r"password|token|secret", re.IGNORECASE)
        assert not any(secret.search(text) for name, text in instructions if name in ("ENV", "LABEL"))

    def test_what_it_copies_is_all_that_the_package_needs(self, deploy: Path) -> None:
        text = (deploy / "Containerfile.dockerignore").read_text(encoding="utf-8")
        kept = {line[1:] for line in text.splitlines() if line.startswith("!")}
        top = deploy.parent
        project = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))
        folders = {name.removeprefix("tieline").strip(".").partition(".")[0]
                   for name in project["tool"]["setuptools"]["packages"]} - {""}  # fmt: skip
        data = set(project["tool"]["setuptools"]["package-data"]["tieline"])
        needed = {"__init__.py", "cli.py", "pyproject.toml", "LICENSE", project["project"]["readme"]}
        assert folders | data | needed <= kept
        assert all((top / name).exists() for name in kept)

    def test_the_command_exists(self, instructions: list[tuple[str, str]], program: click.Group) -> None:
        words = re.findall(r'"([^"]+)"', dict(instructions)["CMD"])
        accepts(program, words)


class TestWindows:
    def test_the_task_is_well_formed(self, deploy: Path, program: click.Group) -> None:
        task = ElementTree.parse(deploy / "windows" / "tieline-task.xml").getroot()  # noqa: S314  our own file
        assert task.tag == f"{TASK}Task"
        settings = task.find(f"{TASK}Settings")
        assert settings is not None
        assert settings.findtext(f"{TASK}MultipleInstancesPolicy") == "IgnoreNew"
        assert re.fullmatch(r"PT\d+[MH]", task.findtext(f".//{TASK}Repetition/{TASK}Interval") or "")
        order = [child.tag.removeprefix(TASK) for child in task]
        assert order == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"], (
            "as the schema has it"
        )
        accepts(program, (task.findtext(f".//{TASK}Arguments") or "").split())


class TestCron:
    def test_each_line_has_its_fields(self, deploy: Path, program: click.Group) -> None:
        lines = (deploy / "cron" / "tieline").read_text(encoding="utf-8").splitlines()
        jobs = [line for line in lines if line and not line.startswith("#") and "=" not in line.split()[0]]
        assert len(jobs) == 2
        for job in jobs:
            *when, user, command = job.split(None, 6)
            assert all(re.fullmatch(r"[\d*/,-]+", part) for part in when), job
            assert user == "tieline"
            assert "%" not in command, "cron reads it as the end of the line"
            calls = list(tieline_commands(command))
            assert calls
            for words in calls:
                accepts(program, words)


def test_a_page_tells_about_every_file(deploy: Path) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (deploy.parent / "docs").glob("*.md"))
    for folder in ("cron", "kubernetes", "systemd", "windows", "."):
        for file in (deploy / folder).iterdir():
            if file.is_file():
                assert str(file.relative_to(deploy.parent)) in pages, file

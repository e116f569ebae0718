"""References to secrets: what they look like, how they are read, and that nothing of a secret is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keyring.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.errors import ConfigError
from tieline.sync.secrets import FORMS, SecretRef, read_secret


@pytest.mark.parametrize("text", ["env:A", "env:_a1", "file:/run/x", "file:a b", "keyring:https://sn/x/me"])
def test_a_reference_is_shown_as_it_is_written(text: str) -> None:
    ref = SecretRef.parse(text)
    assert str(ref) == text
    assert repr(ref) == f"SecretRef({text!r})"


@given(st.text() | st.from_regex(r"(env|file|keyring):.*"))
def test_what_is_no_reference_is_never_repeated(text: str) -> None:
    try:
        assert str(SecretRef.parse(text)) == text
    except ValueError as error:
        assert len(text) < 12 or text not in str(error)


@pytest.mark.parametrize(
    "text", ["hunter2", "env:", "env:a-b", "file:", "keyring:service", "ENV:A", "vault:x"]
)
def test_reading_what_is_no_reference(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_secret(text)
    assert "env:NAME" in str(caught.value)
    assert text not in str(caught.value).replace(FORMS, "")


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_TEST_SECRET", "s3cr3t")
    assert read_secret("env:TIELINE_TEST_SECRET") == "s3cr3t"
    assert read_secret(SecretRef("env", "TIELINE_TEST_SECRET")) == "s3cr3t"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_environment_variable_without_content(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("TIELINE_TEST_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("TIELINE_TEST_SECRET", value)
    with pytest.raises(ConfigError, match=r"env:TIELINE_TEST_SECRET: .* -> export it"):
        read_secret("env:TIELINE_TEST_SECRET")


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_bytes(b"s3cr3t \xc3\xa9\r\nsecond line\n")
    file.chmod(0o600)
    return file


def test_the_first_line_of_a_file(secret_file: Path) -> None:
    assert read_secret(f"file:{secret_file}") == "s3cr3t é"
    assert read_secret("file:secret", secret_file.parent) == "s3cr3t é"


def test_a_file_in_the_home_folder(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(secret_file.parent))
    assert read_secret("file:~/secret", Path("/elsewhere")) == "s3cr3t é"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has these permissions")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_that_others_may_open_is_refused(secret_file: Path, mode: int) -> None:
    secret_file.chmod(mode)
    with pytest.raises(ConfigError, match=r"others may open it \(mode 0\d+\) -> chmod 600") as caught:
        read_secret(f"file:{secret_file}")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "first line is empty"), (b"\nx", "first line is empty"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_file_without_a_usable_line(secret_file: Path, content: bytes, said: str) -> None:
    secret_file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_secret(f"file:{secret_file}")


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_secret("file:none", tmp_path)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_secret("file:.", tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_secret("file:pipe", tmp_path)


def test_an_entry_of_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {("https://sn/x", "me"): "s3cr3t"}
    monkeypatch.setattr("keyring.get_password", lambda service, user: entries.get((service, user)))
    assert read_secret("keyring:https://sn/x/me") == "s3cr3t"
    with pytest.raises(ConfigError, match=r"keyring:https://sn/x/you: .*holds no such entry"):
        read_secret("keyring:https://sn/x/you")


def test_a_keyring_that_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, user: str) -> str:
        raise keyring.errors.KeyringLocked("s3cr3t")

    monkeypatch.setattr("keyring.get_password", locked)
    with pytest.raises(ConfigError, match="KeyringLocked") as caught:
        read_secret("keyring:a/b")
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_keyring_is_loaded_only_when_it_is_asked() -> None:
    code = "import sys, tieline.sync.secrets; print('keyring' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

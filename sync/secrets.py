"""Secrets by reference: what a reference looks like and how it is read; no secret is kept here."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, assert_never

from tieline.connectors.errors import ConfigError

Scheme = Literal["env", "file", "keyring"]

FORMS: Final = "env:NAME, file:PATH or keyring:SERVICE/USER"
MAX_SECRET_BYTES: Final = 64 * 1024

_FORM: Final = re.compile(
    r"(?P<env>env:[A-Za-z_]\w*)|(?P<file>file:[^\0\r\n]+)|(?P<keyring>keyring:[^\0\r\n]+/[^\0\r\n/]+)"
)


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept: the scheme and the name within it. It never holds the secret."""

    scheme: Scheme
    name: str

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """The reference that `text` writes down.

        Raises `ValueError`, whose text does not repeat `text`: what is no reference may be the secret itself.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"not a reference of the form {FORMS}")
        scheme, _, name = text.partition(":")
        return cls(scheme, name)  # type: ignore[arg-type]  # the pattern admits the three schemes only

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}"

    def __repr__(self) -> str:
        return f"SecretRef({str(self)!r})"


def read_secret(ref: SecretRef | str, folder: Path | None = None) -> str:
    """The secret behind a reference, without a line end; relative files are looked up in `folder`.

    Raises `ConfigError` with the reference and the remedy, never with a part of the secret.
    """
    try:
        known = ref if isinstance(ref, SecretRef) else SecretRef.parse(ref)
    except ValueError as error:
        raise ConfigError(f"a secret is {error}; it is not shown, as it may be the secret itself") from None
    match known.scheme:
        case "env":
            return _from_environment(known)
        case "file":
            return _from_file(known, folder or Path())
        case "keyring":
            return _from_keyring(known)
        case scheme:
            assert_never(scheme)


def _from_environment(ref: SecretRef) -> str:
    secret = os.environ.get(ref.name, "")
    return _filled(
        ref, secret, "the environment variable is not set, or empty -> export it before you start Tieline"
    )


def _filled(ref: SecretRef, secret: str, complaint: str) -> str:
    if not secret.strip():
        raise ConfigError(f"{ref}: {complaint}")
    return secret


def _from_file(ref: SecretRef, folder: Path) -> str:
    """The first line of a regular file that only its owner can read."""
    try:
        path = folder / Path(ref.name).expanduser()
        _owner_only(ref, path.stat())  # before it is opened: opening a pipe would wait for its other end
        with path.open("rb") as file:
            _owner_only(ref, os.fstat(file.fileno()))
            content = file.read(MAX_SECRET_BYTES).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{ref}: not UTF-8 text -> store the secret as one line of text") from None
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        raise ConfigError(f"{ref}: {why} -> check the path and that this account may read it") from None
    return _filled(
        ref, content.partition("\n")[0].rstrip("\r"), "the first line is empty -> write the secret into it"
    )


def _owner_only(ref: SecretRef, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{ref}: not a regular file -> name a file whose first line is the secret")
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(f"{ref}: others may open it (mode {mode:04o}) -> chmod 600 it, or 400")


def _from_keyring(ref: SecretRef) -> str:
    """An entry of the system's keyring; the import is late because it looks for back ends."""
    import keyring
    from keyring.errors import KeyringError

    service, _, user = ref.name.rpartition("/")
    try:
        secret = keyring.get_password(service, user) or ""
    except (KeyringError, RuntimeError) as error:
        why = f"the keyring did not open ({type(error).__name__})"
        raise ConfigError(f"{ref}: {why} -> unlock it, or use env: or file:") from None
    return _filled(ref, secret, "the keyring holds no such entry -> store it with `keyring set SERVICE USER`")

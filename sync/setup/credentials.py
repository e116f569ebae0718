"""Where `tieline init` is told to keep a secret: references as they are, typed ones in a private file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tieline.connectors.errors import ConfigError
from tieline.sync.secrets import FORMS, SecretRef

_PRIVATE: Final = 0o600


def reference(text: str, option: str) -> SecretRef:
    """The reference that a person gave with `option`. ConfigError, which hides it, if it is none."""
    try:
        return SecretRef.parse(text)
    except ValueError:
        raise ConfigError(
            f"{option} takes a reference ({FORMS}), never the secret itself; what was given is not shown"
        ) from None


def keep_secret(folder: Path, name: str, secret: str, *, replace: bool = False) -> SecretRef:
    """Write a secret into a new file that only its owner can read, and return its reference.

    ConfigError if there is such a file already, unless it is to be replaced: it may be in use.
    """
    path = folder / name
    try:
        if replace:
            path.unlink(missing_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already: remove it, or name another place with file:PATH or env:NAME"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: choose another folder with --output") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
    return SecretRef("file", name)

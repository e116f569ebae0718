"""Looks at the files of certificates before a connection needs them; what is wrong is said with its name."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from tieline.connectors.errors import ConfigError


def environment_ca() -> str | None:
    """The CA bundle that the environment names (the variables of requests and curl), None without."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")


def check_files(verify: bool | str, client: str | tuple[str, str] | None) -> None:
    """ConfigError, which names the file, unless both can be used: the CA bundle, and our own certificate.

    `client` is a PEM file with certificate and key, or one file for each.
    """
    context = ssl.create_default_context()
    if isinstance(verify, str):
        _there(verify)
        folder = Path(verify).is_dir()
        load = context.load_verify_locations
        _tried(verify, lambda: load(capath=verify) if folder else load(cafile=verify))
    if client is not None:
        certificate, key = (client, None) if isinstance(client, str) else client
        for name in (certificate, key):
            if name is not None:
                _there(name)
        words = certificate if key is None else f"{certificate} with {key}"
        # Without a password an encrypted key would be asked for on the terminal.
        _tried(words, lambda: context.load_cert_chain(certificate, key, password=""))


def _there(name: str) -> None:
    if not Path(name).exists():
        raise ConfigError(f"no such certificate file: {name}")


def _tried(name: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or "not readable"
        raise ConfigError(
            f"no usable certificate in {name} ({str(why).lower().replace('_', ' ')}): a PEM file is "
            "expected, and a key that fits it and has no password"
        ) from None

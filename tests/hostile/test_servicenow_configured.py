"""Each way to sign in to ServiceNow, from the configuration file to an answer that is ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from tieline.cli import Adapters
from tieline.connectors.errors import ConfigError
from tieline.connectors.sandbox.core import RealClock
from tieline.connectors.sandbox.servicenow.accounts import Client
from tieline.connectors.sandbox.world import SERVICENOW_USER, World
from tieline.sync.config import load_config

CLIENT = 'client_id = "app", client_secret = "env:T_SECRET"'
WAYS: Mapping[str, str] = {
    "basic": '{ kind = "basic", user = "tieline", password = "env:TIELINE_SERVICENOW_PASSWORD" }',
    "oauth_password": f'{{ kind = "oauth_password", {CLIENT}, user = "tieline", '
    'password = "env:TIELINE_SERVICENOW_PASSWORD" }',
    "oauth_refresh": f'{{ kind = "oauth_refresh", {CLIENT}, refresh_token = "env:T_REFRESH" }}',
    "oauth_client": f'{{ kind = "oauth_client", {CLIENT} }}',
    "api_key": '{ kind = "api_key", api_key = "env:T_KEY" }',
}


def configured(world: World, template: str, way: str, folder: Path) -> Path:
    line = next(line for line in template.splitlines() if line.startswith('auth = { kind = "basic"'))
    path = folder / "config.toml"
    path.write_text(world.configuration(template.replace(line, f"auth = {way}")), encoding="utf-8")
    return path


@pytest.fixture
def template(root: Path) -> str:
    return (root / "config.example.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_sign_in_leads_to_our_own_account(
    way: str, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(RealClock()) as world:
        world.servicenow.sign_in.clients["app"] = Client("hush", user=SERVICENOW_USER)
        world.servicenow.sign_in.keys["k3y"] = SERVICENOW_USER
        form = {"grant_type": "password", "username": SERVICENOW_USER, "client_id": "app"}
        form |= {"password": world.secrets.servicenow, "client_secret": "hush"}
        token = requests.post(f"{world.urls[0]}/oauth_token.do", data=form, timeout=5).json()
        secrets = {"T_SECRET": "hush", "T_KEY": "k3y", "T_REFRESH": token["refresh_token"]}
        for name, secret in (secrets | world.environment()).items():
            monkeypatch.setenv(name, secret)
        config = load_config(configured(world, template, WAYS[way], tmp_path))
        with Adapters().connect(config) as sides:
            assert sides["servicenow"].identity().name == "Tieline"
        kept = tmp_path / "servicenow-oauth.json"
        assert kept.exists() is (way == "oauth_refresh")


def test_a_certificate_that_is_not_there_is_said(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(RealClock()) as world:
        for name, secret in world.environment().items():
            monkeypatch.setenv(name, secret)
        way = '{ kind = "certificate", certificate = "client.pem", key = "client.key" }'
        config = load_config(configured(world, template, way, tmp_path))
        with pytest.raises(ConfigError, match=r"client\.pem"), Adapters().connect(config):
            pass

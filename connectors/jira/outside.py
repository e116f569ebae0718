"""Asks a Jira what it tells strangers: which kind it is, and its id; no credentials are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from tieline.connectors.answers import json_body
from tieline.connectors.errors import Malformed
from tieline.connectors.http import HardenedAdapter, harden


def deployment_of(adapter: HardenedAdapter) -> str:
    """Which Jira this is: "cloud", "datacenter", "" if it does not tell.

    Raises Malformed for a page that no Jira sends. (Jira REST: "Get Jira instance info" needs no rights.)
    """
    kind = _told(adapter, "/rest/api/2/serverInfo", "Jira's version").get("deploymentType")
    return "" if kind is None else "cloud" if kind == "Cloud" else "datacenter"


def cloud_id_of(adapter: HardenedAdapter) -> str:
    """The id of a site of Jira Cloud, "" if it does not tell. (Atlassian: "Retrieve my site's Cloud ID".)"""
    try:
        return str(_told(adapter, "/_edge/tenant_info", "the site's id").get("cloudId") or "")
    except Malformed:
        return ""


def _told(adapter: HardenedAdapter, path: str, what: str) -> Mapping[str, Any]:
    session = harden(requests.Session(), adapter)
    try:
        url = adapter.settings.base_url.rstrip("/") + path
        response = session.get(url, headers={"Accept": "application/json"})
    except requests.RequestException:
        return {}
    finally:
        session.close()
    if response.status_code != requests.codes.ok:
        return {}
    told = json_body(response, what)
    return told if isinstance(told, Mapping) else {}

"""The site's front door: tells requests apart, who sends them and how they see the site, and answers them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Final

from tieline.connectors.sandbox.core import Request, Response
from tieline.connectors.sandbox.jira import (
    api_attached,
    api_files,
    api_issue,
    api_search,
    api_site,
    api_watchers,
    dates,
)
from tieline.connectors.sandbox.jira.beans import View
from tieline.connectors.sandbox.jira.http import (
    Accounts,
    Answer,
    Call,
    Router,
    Site,
    refuse_stranger,
    respond,
)
from tieline.connectors.sandbox.jira.issues import Renderer
from tieline.connectors.sandbox.jira.model import ApiError, User

VIEWS_KEPT: Final = 64
TENANT: Final = "/_edge/tenant_info"
"""Tells anybody the site's id (Atlassian: "Retrieve my Atlassian site's Cloud ID")."""
_UNAUTHORIZED: Final = Response(
    401, b'{"code":401,"message":"Unauthorized"}', (("Content-Type", "application/json"),)
)
"""What the gateway says to a token that does not hold, be it expired or wrong."""


def tenant(cloud_id: str) -> Response:
    """What anybody is told about a site."""
    return Response(200, json.dumps({"cloudId": cloud_id}).encode(), (("Content-Type", "application/json"),))


@dataclass(slots=True)
class Front:
    """Answers HTTP for one site; on Cloud also below `/ex/jira/{cloud_id}`, as the API gateway does.

    `base_url` stands in `self` links; without one it is taken from each request.
    """

    site: Site
    accounts: Accounts
    cloud_id: str
    base_url: str = ""
    _router: Router = field(init=False)
    _views: dict[tuple[str, str, str], Renderer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._router = Router(self.site.world.deployment)
        for module in (api_search, api_issue, api_attached, api_files, api_watchers, api_site):
            for route in module.routes():
                self._router.add(route)

    def handle(self, request: Request) -> Response:
        """Answer one request; the server holds the lock."""
        if request.path.startswith(api_files.MEDIA) and self.site.world.cloud:
            return api_files.media(request, self.site.store.issues.values())
        if request.path == TENANT and self.site.world.cloud:
            return tenant(self.cloud_id)
        outside = request
        request = self._inside(outside)
        caller, failed = self.accounts.caller(request, gateway=request is not outside)
        if failed and request is not outside and "bearer" in request.headers["authorization"].lower():
            return _UNAUTHORIZED
        if not self.site.world.cloud and caller is not None and api_files.CONTENT.fullmatch(request.path):
            return api_files.content(request, self.site.store.issues.values())
        try:
            answer = self._answer(request, caller, failed=failed)
        except ApiError as fault:
            answer = Answer(fault.status, fault.body)
        return respond(
            answer, request, caller, failed=failed, now=self.site.clock.now(), cloud=self.site.world.cloud
        )

    def _answer(self, request: Request, caller: User | None, *, failed: bool) -> Answer:
        route, params, version = self._router.find(request)
        if route is None:
            return self._no_endpoint(request)
        if caller is None and (route.strangers != "welcome" or (failed and not self.site.world.cloud)):
            return refuse_stranger(route, failed=failed, cloud=self.site.world.cloud)
        return route.handler(
            Call(self.site, request, params, caller, self._renderer(request, version, caller))
        )

    def _no_endpoint(self, request: Request) -> Answer:
        if not self.site.world.cloud:
            return Answer(
                404, {"message": f"null for uri: {self._base(request)}{request.path}", "status-code": 404}
            )
        problem = {
            "type": "about:blank", "title": "Not Found", "status": 404,
            "detail": f"No endpoint {request.method} {request.path}.", "instance": request.path,
        }  # fmt: skip
        return Answer(404, problem, (("content-type", "application/problem+json"),))

    def _inside(self, request: Request) -> Request:
        """The request as the site sees it; another one than `request` if it came through the API gateway."""
        prefix = f"/ex/jira/{self.cloud_id}"
        if not request.path.startswith(f"{prefix}/") or not self.site.world.cloud:
            return request
        headers = {**request.headers, "host": request.headers.get("host", "") + prefix}
        return replace(request, path=request.path.removeprefix(prefix), headers=headers)

    def _base(self, request: Request) -> str:
        return self.base_url or f"http://{request.headers.get('host', 'jira.example.com')}"

    def told_outside(self) -> Renderer:
        """How webhooks show issues: as REST v2 does, in the site's zone."""
        view = View(self.site.world, self.base_url or "http://jira.example.com", "2",
                    dates.zone(self.site.world.time_zone))  # fmt: skip
        return Renderer(view, self.site.store, self.site.settings)

    def _renderer(self, request: Request, version: str, caller: User | None) -> Renderer:
        zone = caller.time_zone if caller else self.site.world.time_zone
        key = (self._base(request), version, zone)
        found = self._views.get(key)
        if found is None:
            if len(self._views) >= VIEWS_KEPT:
                self._views.clear()
            view = View(self.site.world, key[0], version, dates.zone(zone))
            found = self._views[key] = Renderer(view, self.site.store, self.site.settings)
        return found

    def operation(self, request: Request) -> str:
        """The request's method and path template."""
        request = self._inside(request)
        try:
            route, _, _ = self._router.find(request)
        except ApiError:
            route = None
        if route is None:
            return f"{request.method} (unknown)"
        return f"{request.method} /{'/'.join(request.path.strip('/').split('/')[:3])}{route.path}"

"""A rate limit rule: headers on every answer, and a limit that holds late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.servicenow.rate_rule import RateRule


def test_a_limit_holds_half_a_minute_late_and_until_the_hour_is_over(
    desk: ServiceNowSandbox, clock: VirtualClock, call: Any
) -> None:
    assert "X-RateLimit-Limit" not in call("GET", "/api/now/table/incident").headers
    desk.rate_rule = RateRule(limit=5)
    answers = [call("GET", "/api/now/table/incident") for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert answers[0].headers["X-RateLimit-Limit"] == "5"
    clock.advance(timedelta(seconds=31))
    refused = call("GET", "/api/now/table/incident")
    assert refused.status == 429
    assert refused.json["error"]["message"] == "Rate limit exceeded"
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["X-RateLimit-Rule"]
    clock.advance(timedelta(hours=1))
    assert call("GET", "/api/now/table/incident").status == 200

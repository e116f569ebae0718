"""The faults of the Jira stand-in by name: what goes wrong on real sites, and who has seen it.

Sources are Atlassian's documentation ("docs"), its public issues (JRACLOUD, JRASERVER), and threads of public
clients. Where real sites are known to differ, a fault of a rate above 0 is the other position of the switch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tieline.connectors.sandbox.core import DROPPED, Response
from tieline.connectors.sandbox.jira import limits
from tieline.connectors.sandbox.jira.hazards import (
    BAD_GATEWAY,
    HTML,
    SLOW_S,
    afterwards,
    altered,
    as_nobody,
    busy,
    captcha,
    counted_limits,
    cut,
    forgetful,
    in_body,
    instead,
    is_api,
    is_content,
    is_edit,
    is_search,
    is_write,
    late_index,
    levels,
    limited,
    mindful,
    no_limits,
    of_webhooks,
    punctual_index,
    quota,
    refused,
    repeated,
    switched,
    unread,
)
from tieline.connectors.sandbox.trouble import NamedFault

FAULTS: Final = (
    # Any request
    NamedFault(
        "lost-request",
        "The connection is reset before anything was done.",
        "TCP",
        instead("lost-request", is_api, lambda _means: DROPPED),
    ),
    NamedFault(
        "lost-answer",
        "The connection is reset after everything was done.",
        "TCP; rmferguson/shoal: a retried create makes duplicates",
        afterwards("lost-answer", is_api, lambda _response, _means: DROPPED),
    ),
    NamedFault(
        "error-after-commit",
        "A write is carried out and answers 500 all the same.",
        "docs: Jira REST, status codes; a 5xx says nothing about the write",
        afterwards(
            "error-after-commit", is_write, lambda _response, _means: refused(500, "Internal server error")
        ),
    ),
    NamedFault(
        "bad-gateway",
        "A gateway gives up on a request that goes on: 502 with a web page.",
        "community.developer.atlassian.com: 502 and 504 from the edge",
        afterwards("bad-gateway", is_api, lambda _response, _means: Response(502, BAD_GATEWAY, HTML)),
    ),
    NamedFault(
        "broken-json",
        "A body ends in the middle: 200 (or 201, committed) with broken JSON.",
        "HTTP; seen behind proxies",
        afterwards("broken-json", is_api, cut),
    ),
    NamedFault(
        "slow-body",
        "The answer's body comes too slowly to wait for; a write is carried out.",
        "HTTP; large pages over slow links",
        afterwards("slow-body", is_api, lambda response, means: means.slow(response, SLOW_S)),
    ),
    # J1: search
    NamedFault(
        "repeated-token",
        "A page of a search names its own token as the next one.",
        "JRACLOUD-95368",
        in_body("repeated-token", is_search, repeated),
    ),
    NamedFault(
        "late-index",
        "The search index hears of a write up to ten minutes late, out of order; reads by id are not behind.",
        "docs: Search and reconcile; JRACLOUD-96208",
        on=late_index,
        off=punctual_index,
    ),
    NamedFault(
        "security-level",
        "An issue of a day or more gets a security level for ten minutes: 404, and absent from every list.",
        "docs: Issue security levels; REST, 404 of Get issue",
        on=levels,
        off=lambda site: site.site.store.lift(None),
    ),
    NamedFault(
        "unread-issue",
        "A bulk fetch could not read one issue: it stands among issueErrors instead.",
        "docs: REST v3, Bulk fetch issues",
        in_body("unread-issue", lambda r: r.path.endswith("/issue/bulkfetch"), unread),
    ),
    # J4: workflow
    NamedFault(
        "conflicting-edit",
        "Somebody else edits the issue at this moment: 409, nothing was done.",
        "docs: REST v3, Edit issue, 409",
        instead(
            "conflicting-edit",
            is_edit,
            lambda _means: refused(409, "The issue could not be updated due to a conflicting update."),
        ),
    ),
    NamedFault(
        "unreported-resolution",
        "The fields of a transition leave out the resolution that its validator asks for (a switch).",
        "netresearch/jira-skill 211",
        **switched("unreported_resolution", True, False),
    ),
    NamedFault(
        "forgotten-resolution",
        "A transition answers 204 and does not set the resolution that it was given.",
        "sooperset/mcp-atlassian 735",
        on=forgetful,
        off=mindful,
    ),
    # J5: files
    NamedFault(
        "broken-download",
        "The connection breaks when half of a file was sent.",
        "TCP; large files over slow links",
        afterwards("broken-download", is_content, lambda response, _means: replace(response, broken=True)),
    ),
    # J6: who is asking
    NamedFault(
        "expired-token",
        "The token does not hold: searches answer 200 and nothing, single issues 404, /myself 401.",
        "MrRefactoring/jira.js 418 (full headers), raycast/extensions 27550, n8n 16325",
        altered("expired-token", is_api, as_nobody),
    ),
    NamedFault(
        "plain-401",
        "A 401 with plain text instead of JSON.",
        "docs: Scoped API tokens; seen on the site's own address",
        instead(
            "plain-401",
            is_api,
            lambda _means: Response(
                401,
                b"Client must be authenticated to access this resource.",
                (("Content-Type", "text/plain;charset=UTF-8"), ("WWW-Authenticate", 'OAuth realm="Jira"')),
            ),
        ),
    ),
    NamedFault(
        "captcha",
        "Too many failed log-ins: 403 with X-Authentication-Denied-Reason until a person logs in.",
        "docs: Jira Data Center REST, Authentication, CAPTCHA",
        instead("captcha", is_api, captcha),
    ),
    # J7: limits
    NamedFault(
        "burst-limit",
        "Too many requests a second to one endpoint: 429, RateLimit-Reason jira-burst-based.",
        "docs: Rate limiting",
        instead("burst-limit", is_api, limited("jira-burst-based", 5)),
    ),
    NamedFault(
        "issue-limit",
        "Too many writes to one issue: 429, RateLimit-Reason jira-per-issue-on-write.",
        "docs: Rate limiting",
        instead(
            "issue-limit", lambda r: bool(limits.written_issue(r)), limited("jira-per-issue-on-write", 30)
        ),
    ),
    NamedFault(
        "quota-limit",
        "The hour's points are used up, or for a reason that is not documented: 429 with Beta-RateLimit.",
        "docs: Rate limiting; community.developer.atlassian.com 97828 for reasons and headers",
        instead("quota-limit", is_api, quota),
    ),
    NamedFault(
        "gateway-limit",
        "The gateway refuses by itself: 429 without Retry-After or any other header.",
        "community.developer.atlassian.com: seen in production logs",
        instead(
            "gateway-limit",
            is_api,
            lambda _means: Response(429, b"Too Many Requests", (("Content-Type", "text/plain"),)),
        ),
    ),
    NamedFault(
        "busy",
        "503 with Retry-After and a web page.",
        "docs: Rate limiting, Retry-After on 503",
        instead("busy", is_api, busy),
    ),
    NamedFault(
        "counted-limits",
        "The documented limits are counted: bursts, 20 writes to an issue in 2 s and 100 in 30 s; "
        "on Data Center a bucket of tokens, told on every answer (a switch).",
        "docs: Rate limiting; Data Center: Improving instance stability with rate limiting",
        on=counted_limits,
        off=no_limits,
    ),
    # J8: webhooks
    NamedFault(
        "webhook-lost", "A delivery never comes.", "docs: Webhooks, best effort", **of_webhooks("loses")
    ),
    NamedFault(
        "webhook-twice",
        "A delivery comes again with the same identifier.",
        "docs: Webhooks, at least once",
        **of_webhooks("repeats"),
    ),
    NamedFault(
        "webhook-late",
        "A delivery comes up to half an hour late, after younger ones.",
        "docs: Webhooks; community.developer.atlassian.com 30554",
        **of_webhooks("delays"),
    ),
    # Data Center
    NamedFault(
        "shuffled-ties",
        "Another node answers each page: issues of the same time change places between pages (a switch).",
        "JRASERVER-69860; support.atlassian.com, inconsistent results when paginated",
        **switched("unstable_ties", True, False),
    ),
)

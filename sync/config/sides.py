"""The two systems as the configuration names them: address, sign-in, marker; and what a pass may take on.

A further way to sign in is one more class here with a `kind` of its own, joined to the side's union.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from tieline.sync.config.values import (
    CloudId,
    Count,
    Duration,
    JiraField,
    Line,
    OptionalServiceNowField,
    OptionalUrl,
    Retention,
    Secret,
    ServiceNowField,
    Share,
    Table,
    Url,
    lasting,
)


class BasicAuth(Table):
    """A user and a password: ServiceNow, Jira Data Center."""

    kind: Literal["basic"] = Field(description="User and password.")
    user: Line = Field(description="The account's user name.")
    password: Secret = Field(description="Reference to its password.")


class TokenAuth(Table):
    """An e-mail address and an API token: Jira Cloud."""

    kind: Literal["token"] = Field(description="E-mail address and API token.")
    user: Line = Field(description="The account's e-mail address.")
    token: Secret = Field(description="Reference to its API token.")


class PatAuth(Table):
    """A personal access token: Jira Data Center."""

    kind: Literal["pat"] = Field(description="Personal access token.")
    token: Secret = Field(description="Reference to the personal access token.")


class OAuthAuth(Table):
    """OAuth 2.0 (3LO) with refresh tokens that rotate: Jira Cloud."""

    kind: Literal["oauth"] = Field(description="OAuth 2.0 with a refresh token.")
    client_id: Line = Field(description="The app's client id.")
    client_secret: Secret = Field(description="Reference to the app's secret.")
    refresh_token: Secret = Field(
        description="Reference to the refresh token that signing in gave; Tieline keeps those that follow."
    )
    token_url: Url = Field(
        default="https://auth.atlassian.com/oauth/token", description="Where access tokens are renewed."
    )
    tokens: Line = Field(
        default="jira-oauth.json",
        description="File in which Tieline keeps the tokens of the day, for its owner only; a relative path "
        "starts at the configuration's folder, which is the state's, too, unless `state` says otherwise.",
    )


class OAuthPassword(Table):
    """OAuth for a user and a password: ServiceNow."""

    kind: Literal["oauth_password"] = Field(description="OAuth for a user and a password.")
    client_id: Line = Field(description="Client id of the OAuth application.")
    client_secret: Secret = Field(description="Reference to its secret.")
    user: Line = Field(description="The account's user name.")
    password: Secret = Field(description="Reference to its password.")


class OAuthRefresh(Table):
    """OAuth for a refresh token: ServiceNow."""

    kind: Literal["oauth_refresh"] = Field(description="OAuth for a refresh token.")
    client_id: Line = Field(description="Client id of the OAuth application.")
    client_secret: Secret = Field(description="Reference to its secret.")
    refresh_token: Secret = Field(
        description="Reference to the refresh token that signing in gave; Tieline keeps one that follows."
    )
    tokens: Line = Field(
        default="servicenow-oauth.json",
        description="File in which Tieline keeps the tokens of the day, for its owner only; a relative path "
        "starts at the configuration's folder.",
    )


class OAuthClient(Table):
    """OAuth for the application itself: ServiceNow."""

    kind: Literal["oauth_client"] = Field(
        description="OAuth for the application itself (client credentials)."
    )
    client_id: Line = Field(description="Client id of the OAuth application.")
    client_secret: Secret = Field(description="Reference to its secret.")


class ApiKeyAuth(Table):
    """An inbound REST API key: ServiceNow."""

    kind: Literal["api_key"] = Field(description="Inbound REST API key.")
    api_key: Secret = Field(description="Reference to the key.")


class CertificateAuth(Table):
    """A client certificate (mutual TLS): ServiceNow."""

    kind: Literal["certificate"] = Field(description="Client certificate (mutual TLS).")
    certificate: Line = Field(
        description="PEM file with the certificate; a relative path starts at the configuration's folder."
    )
    key: Line | None = Field(default=None, description="PEM file with its key, if that is another one.")


ServiceNowAuth = Annotated[
    BasicAuth | OAuthPassword | OAuthRefresh | OAuthClient | ApiKeyAuth | CertificateAuth,
    Field(discriminator="kind"),
]
JiraAuth = Annotated[TokenAuth | BasicAuth | PatAuth | OAuthAuth, Field(discriminator="kind")]
GATEWAY: Final = "https://api.atlassian.com/ex/jira/"
"""Where Jira Cloud answers scoped API tokens and OAuth; the site's id follows."""


class ServiceNow(Table):
    """The ServiceNow instance."""

    url: Url = Field(description="Address of the instance.")
    auth: ServiceNowAuth = Field(
        description='How to sign in: `{ kind = "basic", user, password }`, '
        '`{ kind = "oauth_password", client_id, client_secret, user, password }`, '
        '`{ kind = "oauth_refresh", client_id, client_secret, refresh_token }`, '
        '`{ kind = "oauth_client", client_id, client_secret }`, `{ kind = "api_key", api_key }` or '
        '`{ kind = "certificate", certificate, key }`.'
    )
    marker: ServiceNowField = Field(
        default="correlation_id", description="Column that marks mirrors, and only them."
    )
    link: OptionalServiceNowField = Field(
        default="correlation_display",
        description='Column that shows the Jira key of the other half; "" for none.',
    )
    overlap: Duration = lasting("2m", "How far each look at the feed reaches back.")


class Jira(Table):
    """The Jira site."""

    url: Url = Field(description="Address of the site, with its context path if it has one.")
    deployment: Literal["cloud", "datacenter"] = Field(description="Which Jira it is.")
    auth: JiraAuth = Field(
        description='How to sign in: `{ kind = "token", user, token }` or '
        '`{ kind = "oauth", client_id, client_secret, refresh_token }` for Cloud; '
        '`{ kind = "pat", token }` or `{ kind = "basic", user, password }` for Data Center.'
    )
    cloud_id: CloudId = Field(
        default="",
        description="The site's id (https://SITE/_edge/tenant_info shows it). With it, requests go to "
        f"{GATEWAY}ID, where scoped API tokens and OAuth are answered; `url` stays the address for people.",
    )
    api_url: OptionalUrl = Field(
        default="", description="Where requests go, if that is neither `url` nor Atlassian's gateway."
    )
    certificate: Line | None = Field(
        default=None,
        description="PEM file with a client certificate, where a gate in front of the site asks for one "
        "besides `auth`; a relative path starts at the configuration's folder.",
    )
    key: Line | None = Field(default=None, description="PEM file with its key, if that is another one.")
    marker: JiraField = Field(
        description="Single-line text field that marks mirrors, and only them; or `labels`."
    )
    overlap: Duration = lasting("5m", "How far each look at the feed reaches back: the search index lags.")

    @property
    def requests_url(self) -> str:
        """Where requests go."""
        return self.api_url or (f"{GATEWAY}{self.cloud_id}" if self.cloud_id else self.url)


class Limits(Table):
    """What a pass may take on."""

    wave: Count = Field(default=100, ge=1, le=1000, description="Pairs in work at once: bounds memory.")
    max_records: Count = Field(
        default=5000, ge=1, description="A pass that finds more waiting stops before its first write."
    )
    max_share: Share = Field(
        default=0.5,
        gt=0,
        le=1,
        description="So does one that finds more than this share of 100 or more pairs.",
    )
    sweep_records: Count = Field(
        default=200, ge=0, description="Pairs that each pass compares whatever the feeds say."
    )
    unknown_quiet: Duration = lasting(
        "120s", "How long a write whose answer was lost is left alone before it is probed."
    )
    concurrency: Count = Field(default=8, ge=1, le=64, description="Requests at once to each side.")
    timeout: Duration = lasting("60s", "Longest time for one request.")


class Keeping(Table):
    """How long the state keeps what is over; a pass drops what is older, once a day."""

    audit: Retention = lasting("365d", "What was written, with old and new values. `undo` needs it.")
    conflicts: Retention = lasting("365d", "Conflicts that are decided, with both values.")
    passes: Retention = lasting("90d", "What each pass did, in figures.")

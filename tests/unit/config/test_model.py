"""The values of a file: what the example says, what is left out, what a route changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tieline.sync.config.values import duration_text, parse_duration
from tieline.sync.secrets import SecretRef

MINIMAL = b"""\
installation = "small"
[servicenow]
url = "https://example.service-now.com"
auth = { kind = "basic", user = "tieline", password = "env:A" }
[jira]
url = "https://jira.example.com/jira/"
deployment = "datacenter"
auth = { kind = "pat", token = "file:/run/secrets/jira" }
marker = "labels"
[[route]]
name = "all"
jira = { project = "OPS", issue_type = "Incident" }
since = 2024-03-01
"""


def test_the_example_says_what_it_shows(load: Any) -> None:
    config = load()
    assert config.servicenow.auth.password == SecretRef("env", "TIELINE_SERVICENOW_PASSWORD")
    assert config.servicenow.overlap == timedelta(minutes=2)
    assert (config.jira.deployment, config.jira.auth.kind) == ("cloud", "token")
    assert config.limits.unknown_quiet == timedelta(seconds=120)
    route = config.routes[0]
    assert (route.name, route.since, route.create_from) == (
        "operations",
        date(2016, 1, 1),
        ("servicenow", "jira"),
    )
    assert (route.servicenow.table, route.jira.project, route.jira.issue_type) == (
        "incident",
        "OPS",
        "Incident",
    )
    assert [field.name for field in config.fields] == [
        "summary", "description", "category", "subcategory", "assignee", "group",
    ]  # fmt: skip
    category = config.fields[2]
    assert (category.map[3].servicenow, category.map[3].jira) == (("network", "dns"), ("Network",))
    assert config.status is not None
    assert config.status.map[2].servicenow == ("3/1", "3")
    assert config.status.jira.close_notes == "customfield_10053"
    assert config.priority is not None
    assert config.priority.matrix == ((1, 2, 3), (2, 3, 4), (3, 4, 5))
    assert config.people.max_age == timedelta(days=7)


def test_what_is_left_out_has_a_default(load: Any) -> None:
    config = load(content=MINIMAL)
    assert (config.status, config.priority, config.fields) == (None, None, ())
    assert (config.servicenow.marker, config.servicenow.link) == ("correlation_id", "correlation_display")
    assert config.limits.wave == 100
    assert config.routes[0].servicenow.table == "incident"
    assert config.jira.url == "https://jira.example.com/jira"


def test_the_example_leaves_the_defaults_of_limits_as_they_are(load: Any) -> None:
    assert load().limits == load(content=MINIMAL).limits


def test_nothing_can_be_changed_afterwards(load: Any) -> None:
    config = load()
    with pytest.raises(ValidationError, match="frozen"):
        config.limits.wave = 5
    hash(config)


def test_the_state_stands_beside_the_file(load: Any, tmp_path: Path) -> None:
    config = load()
    assert config.path == tmp_path / "config.toml"
    assert config.state_url == f"sqlite:///{tmp_path / 'tieline.db'}"
    assert load(("sqlite:///tieline.db", "sqlite:////var/lib/t.db")).state_url == "sqlite:////var/lib/t.db"
    assert load(("sqlite:///tieline.db", "postgresql://t@db/t")).state_url == "postgresql://t@db/t"


def test_no_secret_and_no_reference_is_resolved_by_loading(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIELINE_JIRA_TOKEN", "s3cr3t")
    config = load()
    assert "env:TIELINE_JIRA_TOKEN" in repr(config)
    assert "s3cr3t" not in repr(config) + config.model_dump_json()


PEOPLE = 'map = []                            # e.g. { servicenow = "user'
ROUTE_FIELD = 'leaves_scope = "keep"               # or'


def own(text: str) -> tuple[str, str]:
    """The change that puts a `[[route.field]]` below the example's route."""
    return ROUTE_FIELD, f'leaves_scope = "keep"\n[[route.field]]\n{text}\n# or'


def test_a_route_changes_only_what_it_names(load: Any) -> None:
    config = load(own('name = "summary"\nclash = "jira"\nlimit = { servicenow = 80 }'))
    shared, changed = config.fields[0], config.fields_for(config.routes[0])[0]
    assert (shared.clash, changed.clash) == ("newest", "jira")
    assert changed.model_copy(update={"clash": "newest", "limit": None}) == shared
    assert (changed.longest("servicenow"), changed.longest("jira")) == (80, 255)
    assert config.fields_for(config.routes[0])[1:] == config.fields[1:]


def test_a_route_adds_a_field_of_its_own(load: Any) -> None:
    config = load(own('name = "place"\nkind = "line"\nservicenow = "location"\njira = "customfield_1"'))
    assert [field.name for field in config.fields_for(config.routes[0])][-1] == "place"
    assert "place" not in [field.name for field in config.fields]


def test_a_workflow_may_be_written_down(load: Any) -> None:
    steps = ", ".join(
        f'{{ from = "Open", to = "{name}" }}'
        for name in ("In Progress", "Waiting", "Blocked", "Resolved", "Closed", "Canceled")
    )
    config = load(('issue_type = "Incident", scope = ""', f'issue_type = "Incident", workflow = [{steps}]'))
    first, *others = config.routes[0].jira.workflow
    assert (first.from_, first.to, len(others)) == ("Open", "In Progress", 5)


@pytest.mark.parametrize(
    ("kind", "lengths"), [("line", (160, 255)), ("text", (4000, 30_000)), ("person", (None, None))]
)
def test_length_goes_by_kind(load: Any, kind: str, lengths: tuple[int | None, int | None]) -> None:
    field = load(('kind = "line"', f'kind = "{kind}"')).fields[0]
    assert (field.longest("servicenow"), field.longest("jira")) == lengths


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (('clash = "newest"', 'clash = "jira"'), True),
        (("wave = 100", "wave = 7"), True),
        (("https://example.atlassian.net", "http://127.0.0.1:8081"), True),
        (("env:TIELINE_JIRA_TOKEN", "env:OTHER"), True),
        (('jira = "Hardware"', 'jira = "Metal"'), False),
        (('unmapped = "pass"', 'map = [{ servicenow = "a", jira = "b" }]'), False),
        (('kind = "line"', 'kind = "text"'), False),
        (('jira = "Blocked"', 'jira = "Waiting"'), False),
        (("[2, 3, 4]", "[2, 2, 4]"), False),
        ((PEOPLE, 'map = [{ servicenow = "x", jira = "y" }] # e.g. { servicenow = "user'), False),
        (own('name = "summary"\nlimit = { jira = 100 }'), False),
        (own('name = "summary"\ntie = "hold"'), True),
    ],
)  # fmt: skip
def test_the_fingerprint_is_about_the_mapping_alone(load: Any, change: tuple[str, str], same: bool) -> None:
    before = load().fingerprint()
    assert before == load().fingerprint()
    assert (load(change).fingerprint() == before) is same


@pytest.mark.parametrize("text", ["0s", "1s", "59s", "90s", "2m", "24h", "1d", "366d"])
def test_durations_can_be_written_as_they_are_read(text: str) -> None:
    assert parse_duration(duration_text(parse_duration(text))) == parse_duration(text)

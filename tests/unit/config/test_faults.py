"""What is wrong with a file is said with its place, its value and a remedy, and no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.errors import ConfigError
from tieline.sync.config import FaultyConfig, load_config

LINK = 'link = "correlation_display"'
SCOPE = 'servicenow = { table = "incident", scope = "" }'
JQL = 'issue_type = "Incident", scope = ""'
AUTH = 'auth = { kind = "token", user = "tieline@example.com", token = "env:TIELINE_JIRA_TOKEN" }'
PASSWORD = '"env:TIELINE_SERVICENOW_PASSWORD"'
LEAVES = 'leaves_scope = "keep"               # or'
CATEGORY_MAP = '{ servicenow = "inquiry", jira = "Inquiry / Help" },'

SECOND_ROUTE = """leaves_scope = "keep"
[[route]]
name = "{name}"
servicenow = {{ scope = "{query}" }}
jira = {{ project = "{project}", issue_type = "{issue_type}", scope = "{jql}" }}
since = 2024-01-01
create_from = {sides}
# or"""


def second_route(
    name: str = "other",
    query: str = "a=1",
    project: str = "DEV",
    issue_type: str = "Incident",
    jql: str = "",
    sides: str = '["servicenow"]',
) -> tuple[str, str]:
    text = SECOND_ROUTE.format(
        name=name, query=query, project=project, issue_type=issue_type, jql=jql, sides=sides
    )
    return LEAVES, text


def own_field(text: str) -> tuple[str, str]:
    return LEAVES, f'leaves_scope = "keep"\n[[route.field]]\n{text}\n# or'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # one value
        (("wave = 100", 'wave = "many"'), r'limits.wave: must be a whole number \("many"\)'),
        (("wave = 100", "wave = 0"), r"limits.wave: is too small \(0\) -> use at least 1"),
        (("wave = 100", "wave = 100.0"), r"limits.wave: must be a whole number \(100.0\)"),
        (("wave = 100", "wave = true"), r"limits.wave: must be a whole number \(true\)"),
        (("max_share = 0.5", "max_share = nan"), r"limits.max_share: must be a finite number"),
        (("max_share = 0.5", "max_share = 1.5"), r"limits.max_share: is too large \(1.5\) -> use at most 1"),
        (('overlap = "2m"', "overlap = 120"), r"servicenow.overlap: is not a duration \(120\)"),
        (('overlap = "2m"', 'overlap = "999999999d"'), r"servicenow.overlap: is longer than a year"),
        (("since = 2016-01-01", 'since = "2016-01-01"'), r"route\[operations\].since: is not a day"),
        (("since = 2016-01-01", "since = 2016-01-01T00:00:00Z"), r"since: is not a day \(2016-01-01 00:00"),
        (("paused = false", 'paused = "no"'), r"route\[operations\].paused: must be true or false"),
        (('leaves_scope = "keep"', 'leaves_scope = "drop"'), r'"keep" or "freeze" or "unlink"'),
        (('tie = "servicenow"', 'tie = "newest"'), r'tie: is not a known choice \("newest"\)'),
        (('first = "hold"', 'first = "newest"'), r'first: is not a known choice \("newest"\)'),
        (('installation = "example"', 'installation = "a:b"'), r"1\d:16: installation: is not a usable name"),
        (('"short_description"', '"Short description"'), r"servicenow: is not a column name"),
        (('unknown = "hold"', 'unknown = "default:"'), r"groups.unknown: is not a known rule"),
        ((CATEGORY_MAP, '{ servicenow = [], jira = "x" },'), r"map\[0\].servicenow: lists nothing"),
        ((CATEGORY_MAP, '{ servicenow = 3, jira = "x" },'), r'servicenow: is neither .* \(3\) -> .* "3"'),
        ((CATEGORY_MAP, '{ servicenow = "", jira = "x" },'), r"servicenow.*: is empty"),
        ((CATEGORY_MAP, '{ servicenow = ["a", "a"], jira = "x" },'), r"names a value twice"),
        # keys
        (
            ('overlap = "2m"', 'overlp = "2m"'),
            r"servicenow.overlp: is not a setting -> .* overlap\?",
        ),
        (
            ('kind = "basic", user', 'kind = "basic", usr = "x", user'),
            r"auth.usr: is not a setting -> .*user",
        ),
        (("[limits]", "[limitations]"), r"limitations: is not a setting -> did you mean limits\?"),
        (('project = "OPS", ', ""), r"route\[operations\].jira.project: is missing -> add project"),
        (("[[route]]", "[route]"), r"route: must be an array of tables \(a table\) -> .*\[\[route\]\]"),
        # addresses
        (("https://example.service-now.com", "http://example.service-now.com"), r"unencrypted"),
        (("https://example.service-now.com", "example.service-now.com"), r"is not an address"),
        (("https://example.service-now.com", "https://[::1"), r"is not an address"),
        (("https://example.service-now.com", "https://x.example?a=1"), r"more than host and path"),
        (("sqlite:///tieline.db", "mysql://h/db"), r"state: is not a usable state"),
        (("sqlite:///tieline.db", "sqlite:///:memory:"), r"state: is not a usable state"),
        # signing in
        ((AUTH, 'auth = { kind = "pat", token = "env:A" }'), r"jira.auth.kind: does not go with"),
        (('deployment = "cloud"', 'deployment = "datacenter"'), r'use kind = "basic" or "pat"'),
        (
            ('kind = "token"', 'kind = "kerberos"'),
            r'auth.kind: is not a known choice \("kerberos"\) -> choose "token"',
        ),
        (('kind = "token", ', ""), r"jira.auth.kind: is missing"),
        (
            (
                AUTH,
                'auth = { kind = "oauth", client_id="a", client_secret = "env:A", refresh_token = "env:A" }',
            ),
            r"jira.auth.kind: needs the site's id",
        ),
        ((AUTH, f'{AUTH}\ncloud_id = "example"'), r"jira.cloud_id: is not a site's id"),
        (
            (
                AUTH,
                f'{AUTH}\ncloud_id = "11111111-2222-3333-4444-555555555555"\napi_url = "https://a.example"',
            ),
            r"jira.api_url: says the same as cloud_id",
        ),
        # scopes
        (
            (SCOPE, 'servicenow = { scope = "a=1^NQb=2" }'),
            r"scope: holds \^NQ .* -> it starts a second query",
        ),
        ((SCOPE, 'servicenow = { scope = "a=1^ORDERBYDESCb" }'), r"scope: holds ORDERBY"),
        ((SCOPE, 'servicenow = { scope = "ORDERBYb" }'), r"scope: holds ORDERBY"),
        ((SCOPE, 'servicenow = { scope = "a=1^EQ" }'), r"scope: holds \^EQ"),
        ((SCOPE, 'servicenow = { scope = "^ORa=1" }'), r"scope: starts or ends with \^"),
        ((JQL, 'issue_type = "Incident", scope = "a = 1 order BY b"'), r"jira.scope: holds ORDER BY"),
        ((JQL, 'issue_type = "Incident", scope = "a = 1) OR (b = 2"'), r"jira.scope: has parentheses"),
        # between settings
        (('name = "description"', 'name = "Summary"'), r'name: is taken already \("Summary"\)'),
        (second_route(name="operations"), r"route\[operations\].name: is taken already"),
        (second_route(project="ops"), r'route\[other\].jira: overlaps the Jira side of route "operations"'),
        (second_route(query=""), r"route\[other\].servicenow: overlaps the ServiceNow side"),
        (('["servicenow", "jira"]', '["jira", "jira"]'), r"create_from: names a side twice"),
        (('jira = "description"', 'jira = "summary"'), r'jira: is used by the field "summary" already'),
        (('impact = "impact"', 'impact = "urgency"'), r"servicenow.urgency: is used by the priority already"),
        ((LINK, 'link = "correlation_id"'), r"servicenow.link: is used by the marker already"),
        (('servicenow = "category"', 'servicenow = "state"'), r"status.servicenow.state|is used by"),
        (('marker = "customfield_10042"', 'marker = "priority"'), r"is used by"),
        (('unmapped = "pass"', 'unmapped = "hold"'), r"map: is missing, so that every value would be held"),
        (('kind = "choice"', 'kind = "line"'), r'map: does not go with kind = "line"'),
        (('kind = "person"', 'kind = "person"\nlimit = { jira = 9 }'), r"limit: does not go with kind"),
        ((CATEGORY_MAP, CATEGORY_MAP * 2), r"map\[1\]: says again what a line above says"),
        (("[2, 3, 4],", ""), r"priority.matrix: is not 3 by 3"),
        (("[3, 4, 5],", "[3, 4, 6],"), r'priority.map: does not map every priority .* \(without "6"\)'),
        (('"Solution provided"\ndef', '"Solved"\ndef'), r"default_close_code: is not in the resolution map"),
        (
            ('{ servicenow = "7", jira = "Closed" }', '{ servicenow = "3/1/2", jira = "Closed" }'),
            r"is not a state",
        ),
        (
            (JQL, JQL + ', workflow = [{ from = "Open", to = "In Progres" }]'),
            r'jira.workflow: .*"In Progress"',
        ),
        (own_field('name = "sumary"\nclash = "jira"'), r"field\[sumary\].name: names no field .* summary"),
        (
            own_field('name = "group"\njira = "summary"'),
            r'field\[group\].jira: is used by the field "summary"',
        ),
        (own_field('name = "summary"\nkind = "choice"'), r"field\[summary\].map: is missing"),
        (own_field('name = "summary"\nkind = "text"'), r'has kind = "line" elsewhere'),
        (own_field('name = "x"\n[[route.field]]\nname = "X"'), r"field\[X\].name: is taken already"),
    ],
)
def test_each_fault_is_said(faults: Any, change: tuple[str, str], said: str) -> None:
    found = faults(change)
    assert any(re.search(said, str(fault)) for fault in found), [str(fault) for fault in found]
    assert all(fault.line > 0 and fault.column > 0 and fault.remedy for fault in found)


SMALL = """\
installation = "small"  # é
servicenow.url = "https://sn.example"
servicenow.auth = { kind = "basic", user = "é", password = "env:A" }
[jira]
url = "https://jira.example"
deployment = "datacenter"
marker = "labels"
[jira.auth]
kind = "pat"
token = "env:B"
[[route]]
name = "all"
since = 2024-03-01
[route.jira]
project = "OPS"
issue_type = "Incident"
[[route.field]]
name = "note"
kind = "choice"
servicenow = "u_note"
jira = "customfield_1"
map = [
  # a comment
  { servicenow = "a", jira = "b" }, { servicenow = ["c"], "jira" = "d" },
]
"""


@pytest.mark.parametrize(
    ("old", "new", "key", "place"),
    [
        ('installation = "small"', 'installation = "é!"', "installation", (1, 16)),
        ('"env:A"', '"é"', "servicenow.auth.password", (3, 60)),
        (', password = "env:A"', "", "servicenow.auth.password", (3, 19)),
        ('user = "é"', 'user = "é", x = 1', "servicenow.auth.x", (3, 49)),
        ('marker = "labels"\n', "", "jira.marker", (4, 2)),
        ('kind = "pat"', 'kind = "pit"', "jira.auth.kind", (9, 8)),
        ('token = "env:B"\n', "", "jira.auth.token", (8, 2)),
        ("since = 2024-03-01\n", "", "route[all].since", (11, 3)),
        ('project = "OPS"\n', "", "route[all].jira.project", (14, 2)),
        ('"choice"', '"chioce"', "route[all].field[note].kind", (19, 8)),
        ('"a", jira = "b"', '"a", jira = 1', "route[all].field[note].map[0].jira", (24, 30)),
        ('["c"]', '["c", 2]', "route[all].field[note].map[1].servicenow[1]", (24, 58)),
        (', "jira" = "d"', "", "route[all].field[note].map[1].jira", (24, 37)),
        ('"jira" = "d"', '"jira" = "d", "j" = "d"', "route[all].field[note].map[1].j", (24, 73)),
    ],
)
def test_places_are_those_of_an_editor(
    load: Any, faults: Any, old: str, new: str, key: str, place: tuple[int, int]
) -> None:
    assert load(content=SMALL.encode()).routes[0].field[0].name == "note"
    assert old in SMALL
    content = SMALL.replace(old, new, 1).encode()
    assert [(fault.key, (fault.line, fault.column)) for fault in faults(content=content)] == [(key, place)]


def test_all_faults_of_a_file_come_at_once_and_in_its_order(faults: Any) -> None:
    found = faults(
        ('installation = "example"', 'installation = ""'),
        (PASSWORD, '"hunter2"'),
        (LINK, 'link = "correlation_id"'),
        ("since = 2016-01-01", 'since = "x"'),
        ('clash = "newest"', 'clash = "latest"'),
        ('jira = "description"', 'jira = "summary"'),
        ("[2, 3, 4],", ""),
    )
    assert [fault.key for fault in found] == [
        "installation",
        "servicenow.auth.password",
        "servicenow.link",
        "route[operations].since",
        "field[summary].clash",
        "field[description].jira",
        "priority.matrix",
    ]
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)


def test_a_misspelt_key_gives_no_second_fault(faults: Any) -> None:
    (fault,) = faults(('unmapped = "pass"', 'unmaped = "pass"'))
    assert fault.key == "field[subcategory].unmaped"


@pytest.mark.parametrize(
    "change",
    [
        (PASSWORD, '"hunter2"'),
        (PASSWORD, '"env:hunter2!"'),
        (PASSWORD, '["hunter2"]'),
        (PASSWORD, '{ env = "hunter2" }'),
        ('password = "env:TIELINE_SERVICENOW_PASSWORD"', 'pasword = "hunter2"'),
        (AUTH, 'auth = "hunter2"'),
        (AUTH, 'auth = ["hunter2"]'),
        ("https://example.service-now.com", "https://me:hunter2@example.service-now.com"),
        ("https://example.service-now.com", "http://me:hunter2@example.service-now.com"),
        ("https://example.service-now.com", "https://example.service-now.com?key=hunter2"),
        ("sqlite:///tieline.db", "postgresql://me:hunter2@db/x"),
        ("sqlite:///tieline.db", "postgresql://db/x?password=hunter2"),
        ("sqlite:///tieline.db", "mysql://me:hunter2@db/x"),
        (PASSWORD, "hunter2"),
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(faults: Any, change: tuple[str, str]) -> None:
    found = faults(change)
    assert "hunter2" not in repr(found) + "\n".join(map(str, found))


def test_two_scopes_that_differ_keep_two_routes_apart(load: Any) -> None:
    scope = ('servicenow = { table = "incident", scope = "" }', 'servicenow = { scope = "b=2" }')
    assert len(load(scope, second_route()).routes) == 2


def test_routes_into_one_table_are_apart_if_only_one_creates_from_it(load: Any) -> None:
    assert len(load(second_route(query="", sides='["jira"]')).routes) == 2


def test_one_project_may_serve_two_routes_with_conditions(load: Any) -> None:
    condition = (JQL, 'issue_type = "Incident", scope = "component = A"')
    other = second_route(project="OPS", jql="component = B", sides='["jira"]')
    assert len(load(condition, other).routes) == 2


def test_a_value_in_two_lines_joins_them_into_one_class(load: Any) -> None:
    added = CATEGORY_MAP + ' { servicenow = "inquiry", jira = "Software" },'
    assert load((CATEGORY_MAP, added)).fields[2].map[1].jira == ("Software",)


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"a = 1\nb = = 2\n", (2, 5), "not TOML: Invalid value"),
        (b"a = 1\na = 2\n", (2, 6), "not TOML: Cannot overwrite a value"),
        (b'a = "x', (1, 7), "not TOML: "),
        (b"a = [1,\n2,\n", (2, 3), "not TOML: "),
        (b"a = " + b"[" * 5000, (1, 1), "not TOML: goes too far"),
        (b"a = " + b"9" * 5000, (1, 1), "not TOML: goes too far"),
        ("é = 'é'\nb = '".encode() + b"\xff'", (2, 6), "is not UTF-8 (byte 0xff)"),
        (b"\xff", (1, 1), "is not UTF-8 (byte 0xff)"),
    ],
)
def test_a_file_that_cannot_be_parsed(faults: Any, content: bytes, place: tuple[int, int], said: str) -> None:
    (fault,) = faults(content=content)
    assert (fault.line, fault.column) == place
    assert said in str(fault)


def test_an_empty_file_lacks_everything(faults: Any) -> None:
    found = faults(content=b"")
    assert {fault.key for fault in found} == {"installation", "servicenow", "jira", "route"}
    assert {(fault.line, fault.column) for fault in found} == {(1, 1)}


def test_no_route_is_a_fault(faults: Any, load: Any, tmp_path: Path) -> None:
    load()
    head = (tmp_path / "config.toml").read_text().partition("[[route]]")[0]
    (fault,) = faults(content=f"route = []\n{head}".encode())
    assert (fault.key, fault.line) == ("route", 1)


def test_a_byte_order_mark_and_dos_line_ends_do_no_harm(load: Any, faults: Any, example: str) -> None:
    dos = example.replace("\n", "\r\n").encode()
    assert load(content=b"\xef\xbb\xbf" + dos).fingerprint() == load().fingerprint()
    (fault,) = faults(content=b"\xef\xbb\xbf" + dos.replace(b"wave = 100", b"wave = '100'"))
    assert (fault.line, fault.column) == (example.partition("wave = 100")[0].count("\n") + 1, 8)


def test_a_missing_file_names_the_way_on(tmp_path: Path) -> None:
    with pytest.raises(FaultyConfig) as caught:
        load_config(tmp_path / "config.toml")
    assert str(tmp_path / "config.toml") in str(caught.value)
    assert "config.example.toml" in str(caught.value)
    assert "tieline sandbox" in str(caught.value)


@pytest.mark.parametrize("name", [".", "a\0b", "config.toml/x"])
def test_a_path_that_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(ConfigError):
        load_config(tmp_path / name)


def test_long_and_strange_values_stay_on_one_short_line(faults: Any) -> None:
    (fault,) = faults(('installation = "example"', 'installation = "' + "x" * 500 + '"'))
    assert len(fault.value) < 80
    (fault,) = faults(('installation = "example"', 'installation = "a\\u001b[2Jb"'))
    assert str(fault).isprintable()
    (fault,) = faults(('installation = "example"', 'installation = "example"\n"odd \\u001b key" = 1'))
    assert str(fault).isprintable()

"""Lists of the site, people among them."""

from __future__ import annotations

from tieline.connectors.sandbox.jira import JiraSandbox

from .conftest import Client


def test_fields_tell_their_types(api: Client) -> None:
    fields = {f["id"]: f for f in api("GET", "/field").body}
    assert fields["customfield_10042"]["schema"] == {
        "type": "string",
        "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield",
        "customId": 10042,
    }
    assert fields["customfield_10042"]["clauseNames"][0] == "cf[10042]"
    assert fields["customfield_10050"]["schema"]["custom"].endswith(":select")
    assert fields["customfield_10053"]["schema"]["custom"].endswith(":textarea")
    assert fields["labels"]["schema"] == {"type": "array", "items": "string", "system": "labels"}


def test_lists(api: Client) -> None:
    assert [p["name"] for p in api("GET", "/priority").body] == ["Highest", "High", "Medium", "Low", "Lowest"]
    assert [r["name"] for r in api("GET", "/resolution").body] == [
        "Done",
        "Workaround",
        "Duplicate",
        "Won't Do",
    ]
    statuses = {s["name"]: s["statusCategory"]["key"] for s in api("GET", "/status").body}
    assert statuses["Waiting"] == "indeterminate" and statuses["Canceled"] == "done"
    (incident,) = api("GET", "/project/OPS/statuses").body
    assert (incident["name"], len(incident["statuses"])) == ("Incident", 7)
    assert api("GET", "/project/OPS").body["id"] == "10000"
    assert [p["key"] for p in api("GET", "/project/search").body["values"]] == ["OPS", "SVC", "DEV"]
    assert api("GET", "/project/NOPE").body["errorMessages"] == ["No project could be found with key 'NOPE'."]
    assert api("GET", "/serverInfo").body["deploymentType"] == "Cloud"
    assert api("GET", "/issueLinkType").body["issueLinkTypes"][0]["outward"] == "blocks"
    assert api("GET", "/status/Waiting").body["id"] == "10003"
    assert api("GET", "/priority/9").status == 404


def test_people_are_found_by_name_and_address(api: Client, site: JiraSandbox) -> None:
    beth = site.account_id("beth.anglin")
    for query in ("beth.anglin@example.com", "Beth Anglin", "anglin", "be"):
        assert [u["accountId"] for u in api("GET", "/user/search", query=query).body] == [beth]
    assert api("GET", "/user/search", query="zzz").body == []
    assert api("GET", "/user/search").status == 400
    assert api("GET", "/user", accountId=beth).body["emailAddress"] == "beth.anglin@example.com"
    assert api("GET", "/user", accountId="ghost").status == 404
    bulk = api("GET", "/user/bulk", accountId=[beth, "ghost"]).body
    assert ([u["accountId"] for u in bulk["values"]], bulk["isLast"]) == ([beth], True)
    assignable = api("GET", "/user/assignable/search", project="OPS", query="beth").body
    assert [u["accountId"] for u in assignable] == [beth]
    assert api("GET", "/user/assignable/search", query="beth").status == 400


def test_hidden_addresses_are_matched_but_not_shown(api: Client, site: JiraSandbox) -> None:
    site.add_user("shy.person", email_hidden=True)
    (found,) = api("GET", "/user/search", query="shy.person@example.com").body
    assert "emailAddress" not in found
    assert api("GET", "/user/search", query="shy.person@").body == []


def test_people_and_options_can_be_added(api: Client, site: JiraSandbox) -> None:
    account = site.add_user("new.person", display="New Person")
    assert site.add_user("new.person") == account
    site.add_option("Support group", "Telephony")
    issue = api.create(assignee={"accountId": account}, customfield_10050={"value": "Telephony"})
    fields = api.read(issue)["fields"]
    assert fields["assignee"]["displayName"] == "New Person"
    assert fields["customfield_10050"]["value"] == "Telephony"
    assert api.found('"Support group" = Telephony AND assignee = new.person@example.com') == [issue]


def test_accounts_ids_come_from_the_seed(site: JiraSandbox) -> None:
    from tieline.connectors.sandbox.core import RealClock

    same, other = JiraSandbox(RealClock(), seed=7), JiraSandbox(RealClock(), seed=8)
    assert same.account_id("beth.anglin") == site.account_id("beth.anglin") != other.account_id("beth.anglin")

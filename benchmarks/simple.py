"""What people write first: a script with pysnow and jira that makes one call after the other."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence


def simple_script(
    servicenow: Mapping[str, str], jira_account: Mapping[str, str], ids: Sequence[str]
) -> tuple[float, float]:
    """Seconds that it needs for the mirror of one incident, and to carry one changed field over.

    It looks an incident up, makes its issue and notes the key; it keeps no state, looks for no duplicate
    and checks nothing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pysnow
        from jira import JIRA

    snow = pysnow.Client(
        host=servicenow["url"].removeprefix("http://"), use_ssl=False,
        user=servicenow["user"], password=servicenow["secret"],
    )  # fmt: skip
    table = snow.resource(api_path="/table/incident")
    jira = JIRA(jira_account["url"], basic_auth=(jira_account["user"], jira_account["secret"]), max_retries=0,
                get_server_info=False)  # fmt: skip
    made = []
    started = time.perf_counter()
    for id_ in ids:
        row = table.get(query={"sys_id": id_}).one()
        fields = {"project": "OPS", "issuetype": "Incident", "summary": row["short_description"]}
        issue = jira.create_issue(fields=fields)
        table.update(query={"sys_id": id_}, payload={"correlation_display": issue.key})
        made.append(issue)
    mirrored = (time.perf_counter() - started) / len(ids)
    started = time.perf_counter()
    for id_, issue in zip(ids, made, strict=True):
        row = table.get(query={"sys_id": id_}).one()
        jira.issue(issue.key).update(fields={"summary": f"{row['short_description']} again"})
    return mirrored, (time.perf_counter() - started) / len(ids)

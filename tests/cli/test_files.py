"""Files through the program, on both stand-ins over HTTP: plan, sync, show, audit, forget."""

from __future__ import annotations

from .site import Site


def incident(site: Site) -> tuple[str, str, str]:
    """Number, key, and the issue's id of a pair in step."""
    row = site.world.servicenow.create("joe.employee", {"short_description": "Printer"})
    site.run("sync", "--initial")
    site.run("sync")
    [issue] = site.world.jira.issues()
    return row["number"], issue.key, issue.id


def test_a_file_is_planned_carried_shown_and_accounted_for(site: Site) -> None:
    number, key, issue = incident(site)
    site.world.jira.attach("beth.anglin", issue, "graph.png", b"\x89PNG", "image/png")
    assert "servicenow gets the file 'graph.png' (4 bytes)" in site.run("plan").out
    assert "graph.png (4 bytes), put on Jira: waits for the next pass" in site.run("show", number).out
    assert site.run("sync").code == 0
    row = site.world.servicenow.by_number(number)
    [(stored, content)] = site.world.servicenow.attached(row["sys_id"])
    assert (stored["file_name"], content) == ("graph.png", b"\x89PNG")
    assert "graph.png (4 bytes), put on Jira: on both sides" in site.run("show", key).out
    [file] = site.run("show", number, "--json").json["attachments"]
    assert (file["standing"], file["servicenow"]) == ("both", stored["sys_id"])
    assert "graph.png" in site.run("audit", number).out
    assert "graph.png" not in site.run("plan").out


def test_a_file_that_stays_is_told_with_its_reason(site: Site) -> None:
    number, _, issue = incident(site)
    row = site.world.servicenow.by_number(number)
    site.world.servicenow.attach("beth.anglin", row["sys_id"], "setup.exe", b"MZ")
    site.world.servicenow.update("beth.anglin", row["sys_id"], {"short_description": "Printer again"})
    site.run("sync")
    site.run("sync")
    assert (
        "setup.exe (2 bytes), put on ServiceNow: stays there (files of this type are not carried over)"
        in site.run("show", number).out
    )
    notes = [r["value"] for r in site.world.servicenow.rows("sys_journal_field") if "setup.exe" in r["value"]]
    assert len(notes) == 1
    assert site.world.jira.attached(issue) == []


def test_a_picture_in_a_work_note_shows_the_copy_in_jira(site: Site) -> None:
    number, _, issue = incident(site)
    row = site.world.servicenow.by_number(number)
    file = site.world.servicenow.attach("beth.anglin", row["sys_id"], "shot.png", b"\x89PNG", "image/png")
    picture = f"/sys_attachment.do?sys_id={file['sys_id']}"
    site.world.servicenow.update(
        "beth.anglin",
        row["sys_id"],
        {"work_notes": f'[code]<p>See</p><img src="{picture}" alt="shot.png">[/code]'},
    )
    for _ in range(3):
        site.run("sync")
    [copy] = site.world.jira.attached(issue)
    comments = site.world.jira.site.store.get(issue).comments  # type: ignore[union-attr]
    shown = [str(comment.body.adf) for comment in comments if "See" in str(comment.body.adf)]
    assert len(shown) == 1
    assert f"/attachment/content/{copy.id}" in shown[0]
    assert "external" in shown[0]

"""Tells the demo's story on standard output as it goes on, and what was found at its end; it plays none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tieline.sync.commands.session import Session
from tieline.sync.words import counted

if TYPE_CHECKING:
    from tieline.sync.commands.demo_stage import Act, Deed, Report, Theatre
    from tieline.sync.model import PassSummary

SHOWN_DEEDS = 4
"""How many edits of an act are told one by one."""


class Teller:
    """Tells the story on standard output; quiet for --json, without the small talk for a log."""

    def __init__(self, *, quiet: bool, brief: bool) -> None:
        self._quiet = quiet
        self._brief = brief

    def opening(self, stage: Theatre, seed: int) -> None:
        """What stands ready before the first act."""
        self._say("ServiceNow and Jira stand-ins are up on this machine; people and time are scripted "
                  f"(seed {seed}).")  # fmt: skip
        for note in stage.notes:
            self._say(note)

    def act(self, act: Act) -> None:
        """What people did before a pass; a few of their edits."""
        if self._brief:
            return
        self._say(f"\n{act.at:%a %H:%M}  {act.title}: {counted(len(act.deeds), 'edit')}", bold=True)
        for deed in act.deeds[:SHOWN_DEEDS]:
            self._say(f"  {deed.by} {_what(deed)}")
        if len(act.deeds) > SHOWN_DEEDS:
            self._say(f"  ... and {len(act.deeds) - SHOWN_DEEDS} more")

    def passed(self, summary: PassSummary) -> None:
        """What a pass made of it."""
        from tieline.sync.explain import summary_line

        if not self._brief:
            self._say(f"  -> {summary_line(replace(summary, ended=None))}")  # the time there is a script's

    def checkpoint(self, act: Act, report: Report) -> None:
        """Whether both sides were in step, and what was not."""
        if self._brief or not report.ok:
            word = "in step" if report.ok else "NOT in step"
            self._say(f"{act.at:%Y-%m-%d}: {report.pairs} pairs, {report.fields} fields compared, {word}")
        for difference in report.differences[:20]:
            self._say(f"  {difference}", red=True)

    def tickets(self, session: Session, stage: Theatre) -> None:
        """One conflict and how it was decided; both tickets side by side."""
        from tieline.sync.commands.show import find, side_by_side

        if self._brief or not stage.clash:
            return
        found = find(session, stage.clash)
        self._say("\nTwo people changed this incident apart. Both tickets, side by side:", bold=True)
        self._say(found if isinstance(found, str) else side_by_side(found))
        self._say("\nWhat was said about it, as each side shows it:", bold=True)
        for line in stage.conversation():
            self._say(f"  {line}")
        self._say("\nThe outage at the end: what ties its incidents together, on both sides:", bold=True)
        for line in stage.outage():
            self._say(f"  {line}")

    def closing(self, found: Mapping[str, Any], keep: Path | None) -> None:
        """The figures at the end, and where they are kept."""
        self._refused(found["refused"])
        self._say("\nCheck: both sides read over HTTP, apart from Tieline's state", bold=True)
        rows = [
            ("pairs", found["pairs"]),
            ("fields compared", found["fields_compared"]),
            ("differences", len(found["differences"])),
            ("duplicates", len(found["duplicates"])),
            ("missing mirrors", len(found["missing"])),
            ("relations", f"{found['relations_compared']}, {len(found['misrelated'])} not as they should be"),
            (
                "checkpoints",
                f"{found['checkpoints']}, {found['checkpoints_with_differences']} with differences",
            ),
            ("writes of a further pass", found["further_pass_writes"]),
            ("conflicts", f"{found['conflicts']}, {found['conflicts_open']} need a person"),
            ("parked", found["parked"]),
            ("edits by people", found["edits_by_people"]),
            ("changes carried over", found["changes"]),
            ("requests", f"{found['requests']}, {found['requests_per_change']} per change"),
            ("time", f"{found['seconds']} s, {found['passes']} passes"),
            ("peak memory", f"{found['peak_memory_mb']} MB, with both stand-ins"),
        ]
        for name, value in rows:
            self._say(f"  {name:<26}{value}")
        for line in (
            *found["duplicates"],
            *found["missing"],
            *found["misrelated"][:20],
            *found["differences"][:20],
        ):
            self._say(f"  {line}", red=True)
        if keep is not None:
            self._say(f"\nKept in {keep}: config.toml, the state, report.json")
        self._say("\nIn step." if found["ok"] else "\nNOT in step.", bold=True)

    def _refused(self, refused: Mapping[str, Sequence[str]]) -> None:
        if not refused:
            return
        count = sum(len(places) for places in refused.values())
        self._say(f"\n{count} edits were refused by the systems' own rules", bold=True)
        for reason, places in sorted(refused.items(), key=lambda item: -len(item[1])):
            self._say(f"  {len(places)} x {reason}")
            self._say(f"      {', '.join(places)}")

    def _say(self, text: str, *, bold: bool = False, red: bool = False) -> None:
        if not self._quiet:
            click.secho(text, bold=bold or None, fg="red" if red else None)


def _what(deed: Deed) -> str:
    from tieline.sync.explain import shown

    values = ", ".join(f"{name} {shown(value or None, 40)}" for name, value in list(deed.values.items())[:3])
    verb = "raises" if deed.first else "changes"
    where = {"servicenow": "ServiceNow", "jira": "Jira"}[deed.side]
    return f"{verb} {deed.label} in {where}: {values}"

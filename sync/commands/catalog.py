"""Names every command, with one line of help, and imports one when it is used; it knows none from within."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("demo:demo", "Show the whole thing on stand-in systems, and check the result."),
    "sandbox": ("sandbox:sandbox", "Run stand-ins of both systems to try things on."),
    "init": ("init:init", "Write a configuration from what both systems tell."),
    "doctor": ("doctor:doctor", "Check reach, rights, fields and workflow against both live systems."),
    "config": ("config:config", "Check the configuration file, or describe it."),
    "policy": ("policy:policy", "Check, test and explain the policy; show what a change of it would do."),
    "metadata": (
        "metadata:metadata",
        "Keep what both instances know in a file, for checks without credentials.",
    ),
    "plan": ("plan:plan", "Show what a pass would do, and why; write nothing."),
    "sync": ("sync:sync", "Run one pass."),
    "run": ("run:run", "Run pass after pass, until told to stop."),
    "status": ("status:status", "Show how the mirror is doing."),
    "verify": ("verify:verify", "Compare all pairs on both sides, and say why what differs differs."),
    "audit": ("audit:audit", "Show or export what was written."),
    "show": ("show:show", "Show one incident: both records, and why each value is what it is."),
    "adopt": ("adopt:adopt", "Find halves that exist already, show them, and pair them."),
    "link": ("link:link", "Pair two records that exist already."),
    "unlink": ("link:unlink_command", "End a pair."),
    "links": ("links:links", "Tie incidents to problems and changes: propose, decide, what is missing."),
    "conflicts": ("conflicts:conflicts", "What both sides changed apart: list, show, resolve."),
    "parked": ("parked:parked", "What Tieline leaves alone, and why: list, show, retry, drop."),
    "people": ("people:people", "Who is who on both sides, and who has no partner."),
    "undo": ("undo:undo", "Put back what a pass overwrote."),
    "state": ("state:state", "Back up, restore, check, shrink and export what Tieline remembers."),
    "rebuild": ("rebuild:rebuild", "Build a lost state from the markers alone."),
    "forget": ("forget:forget", "Take text and personal data out of what Tieline remembers."),
    "leave": ("leave:leave", "Take markers and links off both systems, and end all pairs."),
}
"""name -> (module:attribute under tieline.sync.commands, one line of help): imported when it is used."""


class LazyGroup(click.Group):
    """A group that imports a command when it is run, so that `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"tieline.sync.commands.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table above, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

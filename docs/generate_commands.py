"""Writes docs/commands.md from the program's own commands, so that the two cannot disagree.

It decides nothing about a command: names, help texts, arguments and options are click's.
`python docs/generate_commands.py --check` writes nothing and exits 1 if the page is out of step.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

PAGE = Path(__file__).with_name("commands.md")

HEAD = """\
# Commands

This page is written by `make docs` from the program itself; change the help text there, not here.
`tieline COMMAND --help` shows the same on a terminal.
"""


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """`command` and everything below it, depth first, in the order in which `--help` lists them."""
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from walk(child, click.Context(child, info_name=name, parent=context))


def page(root: click.Command, name: str = "tieline") -> str:
    """The whole page for the command line that starts at `root`, as Markdown."""
    parts = [HEAD, *(section(*entry) for entry in walk(root, click.Context(root, info_name=name)))]
    return "\n".join(parts)


def section(command: click.Command, context: click.Context) -> str:
    """One command: its usage, what it does, its arguments and options, its subcommands."""
    lines = [f"## {context.command_path}", "", "```text", usage(command, context), "```", ""]
    lines += prose(command)
    lines += options(command, context)
    lines += subcommands(command, context)
    return "\n".join(lines)


def usage(command: click.Command, context: click.Context) -> str:
    """The usage line, on one line however long it is."""
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def prose(command: click.Command) -> list[str]:
    """The help text and the epilog as paragraphs; a block that click leaves unwrapped stays as it is."""
    lines: list[str] = []
    for text in (command.help, command.epilog):
        for paragraph in inspect.cleandoc(text or "").partition("\f")[0].split("\n\n"):
            if paragraph.startswith("\b"):
                lines += ["```text", paragraph.removeprefix("\b").strip("\n"), "```", ""]
            elif paragraph.strip():
                lines += [paragraph.strip(), ""]
    return lines


def options(command: click.Command, context: click.Context) -> list[str]:
    """A table of the options that a person may give; `--help` is everywhere and stands nowhere."""
    rows = [
        f"| `{cell(names)}` | {cell(text)} |"
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts
        and (record := parameter.get_help_record(context)) is not None
        for names, text in [record]
    ]  # fmt: skip
    return ["| option | meaning |", "|---|---|", *rows, ""] if rows else []


def subcommands(command: click.Command, context: click.Context) -> list[str]:
    """A list of what a group holds, each with its short help and a link to its section."""
    if not isinstance(command, click.Group):
        return []
    lines: list[str] = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None and not child.hidden:
            path = f"{context.command_path} {name}"
            lines.append(f"- [`{path}`](#{path.replace(' ', '-')}): {child.get_short_help_str(200)}")
    return [*lines, ""]


def cell(text: str) -> str:
    """`text` as the content of one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit code."""
    from tieline.cli import root

    text = page(root)
    if arguments == ["--check"]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

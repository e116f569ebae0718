"""docs/commands.md names every command and option that the program has, and no other."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest


@pytest.fixture(scope="module")
def generator(root: Path) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(root / "docs" / "generate_commands.py")))


@pytest.fixture(scope="module")
def program() -> click.Command:
    from tieline.cli import root

    return root


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Each visible command with its path; told apart from the generator's own walk on purpose."""
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, f"{context.command_path} lists {name} and does not have it"
            if not child.hidden:
                yield from commands(child, click.Context(child, info_name=name, parent=context))


def test_the_page_is_in_step_with_the_program(generator: SimpleNamespace, program: click.Command) -> None:
    page = generator.PAGE.read_text(encoding="utf-8")
    assert page == generator.page(program), "run `make docs`"


def test_every_command_and_option_is_named(generator: SimpleNamespace, program: click.Command) -> None:
    sections = generator.PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    by_name = {part.partition("\n")[0]: part for part in sections}
    found = dict(commands(program, click.Context(program, info_name="tieline")))
    assert set(by_name) == set(found)
    for name, command in found.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert all(option in by_name[name] for option in parameter.opts), (name, parameter.opts)


def test_every_command_says_what_it_does(program: click.Command) -> None:
    for name, command in commands(program, click.Context(program, info_name="tieline")):
        assert command.help, f"{name} has no help text"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, f"{name} {parameter.opts[0]} has no help text"


def test_every_command_shows_an_example(program: click.Command) -> None:
    for name, command in commands(program, click.Context(program, info_name="tieline")):
        if not isinstance(command, click.Group):
            examples = (command.help or "").partition("\b")[2] + (command.epilog or "")
            assert name in examples, f"{name} --help shows no example"


def test_the_readme_names_every_first_command(root: Path, program: click.Command) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert isinstance(program, click.Group)
    for name in program.list_commands(click.Context(program, info_name="tieline")):
        assert f"tieline {name}" in readme, f"README.md does not mention `tieline {name}`"


@click.group()
def toy() -> None:
    """A toy.

    \b
    one
    two
    """


@toy.command()
@click.argument("ref")
@click.option("--json", is_flag=True, help="As JSON | for machines.")
def show(ref: str, json: bool) -> None:
    """Show one thing.

    And more about it.
    """


@toy.command(hidden=True)
def secret() -> None:
    """Not for people."""


def test_a_page_shows_usage_prose_options_and_subcommands(generator: SimpleNamespace) -> None:
    page = generator.page(toy, "toy")
    assert "- [`toy show`](#toy-show): Show one thing." in page
    assert "```text\none\ntwo\n```" in page
    assert "toy show [OPTIONS] REF" in page
    assert "And more about it." in page
    assert "| `--json` | As JSON \\| for machines. |" in page
    assert "secret" not in page

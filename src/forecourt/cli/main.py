"""The command `forecourt`.

A command is a row in `COMMANDS` and a module in this folder with a function `register(app: typer.Typer) -> None`, which
adds it: `app.command("station")(station)` or `app.add_typer(guide, name="guide")`. Only the module of the command that
was asked for is imported, so the others cost no time. A command may return an exit status; None is 0.
"""

from __future__ import annotations

import importlib
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import typer

from forecourt.cli.errors import ExitStatus, usage_text
from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Sequence


class CommandRow(NamedTuple):
    """A command and the module that registers it."""

    name: str
    module: str


_NAME = "forecourt"

COMMANDS: tuple[CommandRow, ...] = (
    # what it is called, where it lives
    CommandRow("demo", "forecourt.cli.demo"),
    CommandRow("firmware", "forecourt.cli.firmware"),
    CommandRow("guide", "forecourt.cli.guide"),
    CommandRow("station", "forecourt.cli.station"),
    CommandRow("supervision", "forecourt.cli.supervision"),
    CommandRow("world", "forecourt.cli.world"),
)


def main() -> None:
    """The entry point of the command `forecourt`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell does so with what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line, without the program's name; the exit status."""
    debug = "--debug" in arguments
    try:
        return _run([argument for argument in arguments if argument != "--debug"])
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except typer.Abort:
        return ExitStatus.FAILED
    except ForecourtError as error:
        if debug:
            raise
        print(f"forecourt: {error}", file=sys.stderr)
        return ExitStatus.FAILED
    except Exception as error:
        if debug:
            raise
        said = f"{type(error).__name__}: {error}"
        print(f"forecourt: this should not have happened ({said}); --debug shows where.", file=sys.stderr)
        return ExitStatus.FAILED


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(_application(arguments))
    try:
        status = command.main(arguments, prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None) or _context(command, arguments)
        print(usage_text(error.format_message(), context), file=sys.stderr)
        return error.exit_code
    return int(status) if isinstance(status, int) else ExitStatus.DONE


def _context(command: Any, arguments: Sequence[str]) -> typer.Context:
    """The context of the innermost command that the arguments name: a faulty option's error brings none along."""
    context = command.make_context(_NAME, [], resilient_parsing=True)
    for argument in arguments:
        if (inner := getattr(context.command, "commands", {}).get(argument)) is not None:
            context = inner.make_context(argument, [], parent=context, resilient_parsing=True)
    return cast("typer.Context", context)


def _application(arguments: Sequence[str]) -> typer.Typer:
    """The command that the arguments name, or all of them for help and for near misses."""
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    rows = [row for row in COMMANDS if row.name == asked] or COMMANDS
    app = typer.Typer(
        help="The Schneider EVlink Pro DC charging station in software, and the supervision that operates it.",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for row in rows:
        importlib.import_module(row.module).register(app)
    return app


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"forecourt {version('forecourt')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", is_eager=True, callback=_say_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from; may stand anywhere.")] = False,
) -> None:
    """Options of every command; `--debug` was taken out before."""

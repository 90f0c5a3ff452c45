"""What the command line says when something is wrong, and the exit status that goes with it."""

from __future__ import annotations

from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from forecourt.errors import ForecourtError
from forecourt.runtime.ports import PortUnavailableError

A = TypeVar("A")
T = TypeVar("T")


class ExitStatus(IntEnum):
    """What the shell gets."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    INTERRUPTED = 130


class Misuse(typer.BadParameter):
    """A command line that cannot be meant: the usage line, a hint and this sentence go to stderr, the status is 2."""

    def format_message(self) -> str:
        """The sentence as it is."""
        return self.message


def looked_up(look_up: Callable[[A], T], value: A) -> T:
    """`look_up(value)`, where an error of ours is a misuse of the command line."""
    try:
        return look_up(value)
    except ForecourtError as error:
        raise Misuse(str(error)) from error


@contextmanager
def port_options(sentence: str) -> Iterator[None]:
    """Say behind a port that cannot be had which option sets it."""
    try:
        yield
    except PortUnavailableError as error:
        raise ForecourtError(f"{error} {sentence}") from error


def usage_text(sentence: str, context: typer.Context) -> str:
    """The lines for a misuse: usage, hint, one sentence."""
    sentence = sentence.replace(": Value error, ", ": ")  # how typer begins the refusal of a choice
    commands = getattr(context.command, "commands", None)
    if commands and sentence == "Missing command.":
        sentence = f"A command was expected, one of {', '.join(commands)}; none came."
    return f"{context.get_usage()}\nTry '{context.command_path} --help'.\n{sentence}"

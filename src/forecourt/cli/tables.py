"""Tables and cards for people: drawn for a terminal, plain text with one row a line in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

_PIPE_WIDTH = 1000
"""Wide enough that no row of ours wraps where a program reads it."""


def is_terminal() -> bool:
    """Whether a person is looking at what is printed."""
    return sys.stdout.isatty()


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Set[str] = frozenset()
) -> None:
    """Print rows under a heading; columns named in `right` are aligned to the right. Only the last column may wrap."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    terminal = is_terminal()
    console = Console(width=None if terminal else _PIPE_WIDTH, highlight=False, markup=False)
    table = Table(
        title=title if terminal else None,
        title_justify="left",
        box=box.SIMPLE_HEAD if terminal else None,
        padding=(0, 1, 0, 0) if terminal else (0, 2, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        table.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=column != columns[-1]
        )
    for row in rows:
        table.add_row(*row)
    if terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def print_card(lines: Iterable[tuple[str, str]]) -> None:
    """Print what is known of one thing, a label and a value a line."""
    shown = [(label, value) for label, value in lines if value]
    width = max(len(label) for label, _ in shown)
    for label, value in shown:
        print(f"{label:<{width}}  {value}")

"""`forecourt world`: a site in one process on one virtual clock, with everything going wrong or nothing."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from forecourt.cli.errors import ExitStatus, Misuse
from forecourt.world.options import FAULTS, ORDINARY, draw_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forecourt.world.calm import CalmReport
    from forecourt.world.play import Verdict


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("world")(world)


def world(
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Draw faults and everything else from this number; without it nothing goes wrong."),
    ] = None,
    days: Annotated[float, typer.Option(min=0.001, help="How many days pass.")] = 1.0,
    stations: Annotated[int, typer.Option(min=1, max=100, help="How many stations there are.")] = 2,
    seeds: Annotated[int, typer.Option(min=1, help="Play so many seeds in a row, from --seed on.")] = 1,
    jobs: Annotated[int, typer.Option(min=0, help="Processes for --seeds; 0 takes one a processor.")] = 0,
    without: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Leave out a kind of happening, such as 'power cut'.")
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink", help="Look for a smaller play that breaks the same rule.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Write one line an event to stdout, and nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say what came of it as one JSON object.")] = False,
) -> int:
    """Let stations, cars, drivers and a supervision live through days in seconds, and check that nothing is lost."""
    left_out = tuple(without or ())
    for kind in left_out:
        if kind not in (*ORDINARY, *FAULTS):
            raise Misuse(f"Expected one of {', '.join((*ORDINARY, *FAULTS))} for --without, but {kind!r} came.")
    if trace and as_json:
        raise Misuse("Expected --trace or --json, but both came.")
    if seed is None:
        if trace or shrink or seeds > 1 or left_out:
            raise Misuse("Expected --seed with --trace, --shrink, --seeds or --without, but it is missing.")
        return _calm(days, stations, as_json)
    if seeds > 1:
        if trace or shrink:
            raise Misuse("Expected one seed for --trace and --shrink, but --seeds came too.")
        return _many(range(seed, seed + seeds), days, stations, left_out, jobs or os.cpu_count() or 1, as_json)
    return _one(seed, days, stations, left_out, shrink, trace, as_json)


@contextmanager
def _progress(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """A bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


# Nothing goes wrong.


def _calm(days: float, stations: int, as_json: bool) -> int:
    from forecourt.world.calm import play_calm

    before_s = time.process_time()
    with _progress("days", days) as tell:
        report = play_calm(1, days, stations, tell)
    took_s = time.process_time() - before_s
    if as_json:
        print(json.dumps({**msgspec.to_builtins(report), "cpu_s": round(took_s, 3)}))
    else:
        _say_calm(report, took_s)
    return ExitStatus.DONE if report.problem is None else ExitStatus.FAILED


def _say_calm(report: CalmReport, took_s: float) -> None:
    years = report.stations * report.days / 365
    print(f"{report.stations} stations lived {report.days:g} days without faults in {took_s:.1f} s of processor time,")
    print(f"which is {years / max(took_s, 1e-9):.3f} station-years a second.")
    print(f"{report.sessions} sessions, {report.messages} messages, {report.energy_kwh:.1f} kWh.")
    print(f"Wrong: {report.problem}" if report.problem else "The ledger has every session once, to the Wh.")


# One seed.


def _one(
    seed: int, days: float, stations: int, without: tuple[str, ...], shrink: bool, trace: bool, as_json: bool
) -> int:
    from forecourt.world.play import Play
    from forecourt.world.shrink import shrink as make_smaller

    options = draw_options(seed, days, stations, without)
    words = sys.stderr if trace or as_json else sys.stdout
    print(f"seed {seed}: {json.dumps(msgspec.to_builtins(options))}", file=words)
    with _progress("days", days) as tell:
        verdict = Play(options, _trace if trace else None).perform(None if trace else tell)
    if verdict.rule is not None and shrink:
        verdict = make_smaller(verdict)
    if as_json:
        replay = None if verdict.rule is None else replay_command(verdict)
        print(json.dumps({**msgspec.to_builtins(verdict), "replay": replay}))
    else:
        for line in _summary(verdict):
            print(line, file=words)
    return ExitStatus.DONE if verdict.rule is None else ExitStatus.FAILED


def _trace(at_s: float, what: str) -> None:
    print(f"{at_s:.3f} {what}".replace("\n", "\\n"))


def _summary(verdict: Verdict) -> list[str]:
    lines = [
        f"{verdict.sessions} sessions, {verdict.lives} lives, {verdict.messages} messages; {verdict.given_up} "
        "transaction messages were given up, as TransactionMessageAttempts says.",
        f"wire {verdict.digest}",
    ]
    if verdict.rule is None:
        return [*lines, "No rule was broken, and everything settled."]
    return [*lines, f"BROKEN: {verdict.sentence}", f"Replay: {replay_command(verdict)}"]


def replay_command(verdict: Verdict) -> str:
    """The command that finds it again."""
    options = verdict.options
    words = ["forecourt", "world", "--seed", str(options.seed), "--days", f"{options.days:g}"]
    words += ["--stations", str(options.stations), *(word for name in options.without for word in ("--without", name))]
    return shlex.join(words)


# Many seeds.


def _perform(days: float, stations: int, without: tuple[str, ...], seed: int) -> Verdict:
    from forecourt.world.play import Play

    return Play(draw_options(seed, days, stations, without)).perform()


def _many(seeds: range, days: float, stations: int, without: tuple[str, ...], jobs: int, as_json: bool) -> int:
    """Play them all, and say which broke a rule and how to see it again."""
    broken: list[Verdict] = []
    totals = {"seeds": 0, "sessions": 0, "lives": 0, "messages": 0, "given_up": 0}
    began_s = time.monotonic()
    context = get_context("spawn")  # a fork of a process with threads is not safe
    with ProcessPoolExecutor(jobs, context) as pool, _progress("seeds", len(seeds)) as tell:
        for verdict in pool.map(partial(_perform, days, stations, without), seeds, chunksize=4):
            totals["seeds"] += 1
            for name in ("sessions", "lives", "messages", "given_up"):
                totals[name] += getattr(verdict, name)
            if verdict.rule is not None:
                broken.append(verdict)
                print(f"BROKEN: {verdict.sentence}\nReplay: {replay_command(verdict)}", file=sys.stderr)
            tell(totals["seeds"])
    took_s = time.monotonic() - began_s
    if as_json:
        found = [{"rule": one.rule, "sentence": one.sentence, "replay": replay_command(one)} for one in broken]
        print(json.dumps({**totals, "took_s": round(took_s, 1), "broken": found}))
    else:
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in totals.items())
        print(f"{told} in {took_s:.0f} s: {len(broken)} broke a rule.")
    return ExitStatus.FAILED if broken else ExitStatus.DONE

"""The whole loop: many stations send MeterValues as fast as the answers come, in three stacks.

Each stack is two processes, stations on one core and the other side on another, over 127.0.0.1. All are started first;
then they take turns, so that what else happens on the machine meets all alike. What is compared is the CPU time of the
process, of all its threads and with its share of the kernel, divided by the messages that were answered.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

from bench.parent import STATION_CORE, SUPERVISION_CORE, Child, start

ANSWER = '[3,"1-1000",{}]'
ROUNDS = 5
SLICES = 3
"""How often ours and the echo take turns in a round; the package, which needs longer to get going, has one turn."""


class Stack:
    """Two processes that talk to each other."""

    def __init__(self, name: str, client: Child, server: Child) -> None:
        self.name = name
        self.client = client
        self.server = server
        self.rounds: list[dict[str, float]] = []

    def measure(self, seconds: float) -> None:
        """One turn, after a third of its time to get going."""
        self.client.tell("run")
        time.sleep(seconds / 3)
        before = self.client.tell("usage"), self.server.tell("usage")
        time.sleep(seconds)
        after = self.client.tell("usage"), self.server.tell("usage")
        self.client.tell("pause")
        self.server.tell("pause")
        messages = after[0]["messages"] - before[0]["messages"]
        took_s = after[0]["at_s"] - before[0]["at_s"]
        self.rounds.append(
            {
                "station_us": (after[0]["cpu_s"] - before[0]["cpu_s"]) / messages * 1e6,
                "station_kernel_us": (after[0]["kernel_s"] - before[0]["kernel_s"]) / messages * 1e6,
                "supervision_us": (after[1]["cpu_s"] - before[1]["cpu_s"]) / messages * 1e6,
                "messages_per_s": messages / took_s,
            }
        )

    def medians(self) -> dict[str, float]:
        """The median of each figure over the rounds."""
        return {name: round(median(each[name] for each in self.rounds), 1) for name in self.rounds[0]}


def measure(quick: bool, interval_s: int = 1) -> dict[str, Any]:
    """Figures of the three stacks and the ratios between them."""
    stations, rounds, slices, seconds = (20, 1, 1, 0.3) if quick else (1000, ROUNDS, SLICES, 0.6)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        ours = _ours(opened, folder, stations, interval_s)
        frame = ours.client.tell("charge")["frame"]
        echo, package = _others(opened, stations, frame)
        for _ in range(rounds):
            for _ in range(slices):
                ours.measure(seconds)
                echo.measure(seconds)
            package.measure(seconds * 5)
        sent = ours.client.tell("usage")["messages"]
        energy_wh = ours.client.tell("stop")["energy_wh"]
        ours.server.tell("stop")
        stored = _stored(Path(folder))
    return {
        "stations": stations,
        "sample_interval_s": interval_s,
        "frame_bytes": len(frame),
        "sampled_values": frame.count('"value"'),
        "stored_meter_values": stored,
        "frames_answered": sent,
        "energy_wh": round(energy_wh),
        "stacks": {stack.name: stack.medians() for stack in (ours, echo, package)},
        "ratios": _ratios(ours, echo, package, slices),
    }


def _ours(opened: ExitStack, folder: str, stations: int, interval_s: int) -> Stack:
    server = opened.enter_context(start("supervision", SUPERVISION_CORE, folder=folder))
    url = server.ready["url"]
    client = opened.enter_context(
        start("stations", STATION_CORE, url=url, count=stations, paced=True, interval_s=interval_s)
    )
    return Stack("forecourt", client, server)


def _others(opened: ExitStack, stations: int, frame: str) -> tuple[Stack, Stack]:
    server = opened.enter_context(start("echo-server", SUPERVISION_CORE, answer=ANSWER))
    url = server.ready["url"]
    client = opened.enter_context(start("echo-client", STATION_CORE, url=url, count=stations, frame=frame))
    echo = Stack("echo", client, server)
    server = opened.enter_context(start("package-server", SUPERVISION_CORE, product_loop=False))
    url = server.ready["url"]
    client = opened.enter_context(
        start("package-client", STATION_CORE, product_loop=False, url=url, count=stations, frame=frame)
    )
    return echo, Stack("package", client, server)


def _stored(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "supervision.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM meter_values").fetchone()
    return int(count)


def _ratios(ours: Stack, echo: Stack, package: Stack, slices: int) -> dict[str, float]:
    """Ratios between neighbours in time: the median of these, the least and the most."""

    def to_echo(name: str) -> list[float]:
        return [a[name] / b[name] for a, b in zip(ours.rounds, echo.rounds, strict=True)]

    def to_package(name: str) -> list[float]:
        neighbours = [ours.rounds[at : at + slices] for at in range(0, len(ours.rounds), slices)]
        return [
            each[name] / median(one[name] for one in near)
            for each, near in zip(package.rounds, neighbours, strict=True)
        ]

    found: dict[str, float] = {}
    for name, ratios in (
        ("station_over_echo", to_echo("station_us")),
        ("package_over_station", to_package("station_us")),
        ("supervision_over_echo", to_echo("supervision_us")),
        ("package_over_supervision", to_package("supervision_us")),
    ):
        ratios.sort()
        found[name] = round(median(ratios), 2)
        found[f"{name}_least"] = round(ratios[0], 2)
        found[f"{name}_most"] = round(ratios[-1], 2)
    return found

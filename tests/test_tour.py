"""The tour runs as it is printed, only faster: each command, in order, at a supervision and a station of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from forecourt.ocpp.actions import ACTIONS, Sender

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOUR = Path(__file__).parent.parent / "docs" / "tour.md"
STEP_REAL_S = 15.0
ANYTHING = "…"


class Step(NamedTuple):
    """A command, and what its answer holds at least."""

    command: str
    shown: Any


def steps() -> Iterator[Step]:
    """What the page has run."""
    for command, shown in re.findall(r"```sh\n(.*?)```\n```json\n(.*?)```", TOUR.read_text("utf-8"), re.DOTALL):
        yield Step(command.strip(), json.loads(shown))


def holds(answer: Any, shown: Any) -> bool:
    """Whether all that is shown is in the answer: fields of objects, elements of lists in their order."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(name in answer and holds(answer[name], shown[name]) for name in shown)
    if isinstance(shown, list):
        if not isinstance(answer, list) or not shown:
            return bool(answer == shown)
        left = iter(answer)
        return all(any(holds(element, wanted) for element in left) for wanted in shown)
    if isinstance(shown, str) and ANYTHING in shown:
        pattern = ".+".join(map(re.escape, shown.split(ANYTHING)))
        return isinstance(answer, str) and re.fullmatch(pattern, answer, re.DOTALL) is not None
    return bool(answer == shown)


def prepare(folder: Path) -> None:
    """Make the keys and certificates that the page begins with."""
    for command in re.findall(r"^openssl .*$", TOUR.read_text("utf-8"), re.MULTILINE):
        subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, timeout=30, check=True)


def started(opened: ExitStack, folder: Path, *arguments: str) -> dict[str, Any]:
    """A command of ours that runs to the end of the test, and what it says first."""
    process = opened.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "forecourt", *arguments, "--json"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    )
    opened.callback(process.kill)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert isinstance(told, dict)
    return told


def answered(command: str, environment: dict[str, str], folder: Path) -> Any:
    """The JSON that a command prints."""
    ours = command.replace("forecourt ", f"{sys.executable} -m forecourt ", 1) if command.startswith("f") else command
    run = subprocess.run(
        ["sh", "-c", ours], env=environment, cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 0, f"{command}: {run.stderr}"
    return json.loads(run.stdout)


def is_reading(command: str) -> bool:
    """Whether a command changes nothing, so that it may be run until it shows what is to come."""
    return not any(word in command for word in ("-X", "--json", "--data-binary"))


@pytest.mark.usefixtures("openssl")
@pytest.mark.skipif(shutil.which("curl") is None, reason="the program curl is not installed")
def test_tour_shows_what_its_commands_answer(tmp_path: Path) -> None:
    with ExitStack() as opened:
        prepare(tmp_path)
        ports = ("--ocpp-port", "0", "--http-port", "0", "--files-http", "0", "--files-https", "0", "--ftp", "0")
        security = ("--tls", "--manufacturer-authority", "works.pem")
        supervision = started(opened, tmp_path, "supervision", *ports, *security, "--accept-unknown-tags")
        options = (
            "--id",
            "CP-1",
            "--model",
            "EVD1S180THB",
            "--speed",
            "60",
            "--http",
            "0",
            "--set",
            "CpoName=Forecourt",
        )
        station = started(
            opened, tmp_path, "station", "--url", supervision["ocppUrl"], *options, "--set", "CpoName=Forecourt"
        )
        environment = os.environ | {
            "API": f"{supervision['httpUrl']}/api",
            "CP1": f"{supervision['httpUrl']}/api/stations/CP-1",
            "STATION": f"{station['httpUrl']}/api/stations/CP-1",
        }
        for step in steps():
            until = time.monotonic() + STEP_REAL_S
            answer = answered(step.command, environment, tmp_path)
            while not holds(answer, step.shown) and is_reading(step.command):
                assert time.monotonic() < until, f"{step.command}\nshows {step.shown}\nand answered {answer}"
                time.sleep(0.02)
                answer = answered(step.command, environment, tmp_path)
            assert holds(answer, step.shown), f"{step.command}\nshows {step.shown}\nand answered {answer}"


def test_tour_names_every_operation_and_has_no_command_without_an_answer() -> None:
    text = TOUR.read_text("utf-8")
    named = set(re.findall(r"\*\*(\w+)\*\*", text))
    assert named == {name for name, action in ACTIONS.items() if action.sender is not Sender.STATION}
    assert len(list(steps())) == text.count("```sh\n") == text.count("```json\n") > 40


def test_what_is_shown_is_looked_for_in_the_answer() -> None:
    answer: dict[str, Any] = {"a": 1, "b": [{"c": 2, "d": "x-17.zip"}, {"c": 3}], "e": []}
    found: Sequence[Any] = ({}, {"a": 1}, {"b": [{"c": 3}]}, {"b": [{"d": "x-….zip"}, {"c": 3}]}, {"e": []})
    for shown in found:
        assert holds(answer, shown), shown
    for shown in ({"a": 2}, {"z": 1}, {"b": [{"c": 3}, {"c": 2}]}, {"b": []}, {"b": [{"d": "y…"}]}, {"e": [1]}):
        assert not holds(answer, shown), shown

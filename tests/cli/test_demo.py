"""`forecourt demo` as a newcomer starts it, and as a script runs it once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cli.demo_story import ARRIVAL_SOC, TARGET_SOC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "forecourt"]
WAIT_S = 60.0


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def once(*arguments: str) -> dict[str, Any]:
    """`forecourt demo --once --json`: the one object it prints."""
    done = subprocess.run(
        [*COMMAND, "demo", "--once", "--json", *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    session: dict[str, Any] = json.loads(done.stdout)
    return session


def get(url: str) -> Any:
    answer = httpx2.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("speed", ["600", "150"])
def test_one_session_has_the_energy_that_the_physics_gives_at_any_speed(speed: str) -> None:
    session = once("--speed", speed)
    wanted_wh = FAMILY_CAR.inlet_wh(TARGET_SOC - ARRIVAL_SOC)
    assert session["energyWh"] == session["meterStop"] - session["meterStart"] == int(wanted_wh)
    assert (session["identity"], session["model"]) == ("DEMO-1", "EVD1S180THB")
    assert (session["transactionId"], session["idTag"], session["reason"]) == (1, "DEMO-BADGE", "Local")
    charged_s = (datetime.fromisoformat(session["stoppedAt"]) - datetime.fromisoformat(session["startedAt"])).seconds
    assert 9.5 * 60 < charged_s < 9.5 * 60 + 6 * float(speed)
    messages = session["messages"]
    assert {messages[name] for name in ("BootNotification", "StartTransaction", "StopTransaction")} == {1}
    assert messages["MeterValues"] >= 9


def test_one_session_agrees_with_the_ledger_that_is_kept_and_the_next_goes_on_from_there(tmp_path: Path) -> None:
    first = once("--speed", "600", "--data", str(tmp_path))
    second = once("--speed", "600", "--data", str(tmp_path))
    assert second["transactionId"] > first["transactionId"]
    assert second["meterStart"] >= first["meterStop"]
    assert second["messages"]["BootNotification"] == 1
    assert second["startedAt"] > first["stoppedAt"]
    ports = ("--ocpp-port", "0", "--http-port", "0")
    with running("supervision", *ports, "--data", str(tmp_path / "supervision"), "--json") as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["httpUrl"]
        ledger = {row["transactionId"]: row for row in get(f"{url}/api/transactions")}
    for session in (first, second):
        kept = ledger[session["transactionId"]]
        for name in ("energyWh", "meterStart", "meterStop", "reason", "startedAt", "stoppedAt", "idTag", "identity"):
            assert kept[name] == session[name]


def test_two_demos_run_beside_each_other_with_both_apis_until_ctrl_c() -> None:
    """The first may have the usual ports; the second cannot."""
    with running("demo", "--speed", "60", "--json") as first, running("demo", "--speed", "60", "--json") as second:
        told = []
        for process in (first, second):
            assert process.stdout is not None
            told.append(json.loads(process.stdout.readline()))
        addresses = {one[name] for one in told for name in ("supervisionUrl", "stationUrl", "ocppUrl")}
        assert len(addresses) == 6
        for one in told:
            station = get(f"{one['stationUrl']}/api/stations/DEMO-1")
            assert station["model"] == "EVD1S180THB"
            end = time.monotonic() + WAIT_S
            while not (sessions := get(f"{one['supervisionUrl']}/api/transactions")):
                assert time.monotonic() < end, "no car has charged"
                time.sleep(0.05)
            assert sessions[0]["idTag"] == "DEMO-BADGE"
        for process in (first, second):
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=WAIT_S)
            assert (process.returncode, said) == (130, "")


def test_where_no_terminal_is_the_demo_tells_in_plain_lines_what_happens() -> None:
    with running("demo", "--speed", "60", "--model", "EVD2S320TBB") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "Charging" not in "".join(lines[-1:]):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        assert "EVD2S320TBB" in lines[0]
        assert sum("http://127.0.0.1:" in line for line in lines) == 2
        assert any("gun 1 CCS2: Preparing" in line for line in lines)
        assert not any("\x1b" in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
        assert (process.returncode, said) == (130, "")


@pytest.mark.parametrize(("arguments", "said"), [(("--model", "EVD"), "EVD"), (("--speed", "-1"), "speed")])
def test_a_wrong_demo_gets_usage_hint_and_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    refused = subprocess.run(
        [*COMMAND, "demo", *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    usage, _hint, sentence = refused.stderr.splitlines()
    assert (refused.returncode, usage.startswith("Usage: forecourt demo"), said in sentence) == (2, True, True)

"""`forecourt station` as a person and as a script use it: processes of their own, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from forecourt.cli.station import named_options
from forecourt.cli.station_file import options_of
from forecourt.evlink.generations import PowerLossStop
from tests.watchdog import killed_at_last

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "forecourt"]
WAIT_S = 30.0
MY_CAR = """
title = "Mine"
battery_kwh = 51.5
curve = [[0, 100], [100, 10]]
pack_voltage = [[0, 350], [100, 400]]
max_current_a = 300
[sources]
battery_kwh = "Its data sheet."
curve = "A measurement."
pack_voltage = "Worked out."
max_current_a = "Its data sheet."
"""


class Process:
    """A command that tells what it does as a JSON object a line."""

    def __init__(self, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [*COMMAND, *arguments, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )

    def line(self) -> dict[str, Any]:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            _, said = self.popen.communicate(timeout=WAIT_S)
            raise AssertionError(f"it ended with {self.popen.returncode}: {said}")
        told: dict[str, Any] = json.loads(line)
        return told

    def until(self, event: str) -> dict[str, Any]:
        """Read on until it tells of this."""
        while (told := self.line()).get("event") != event:
            pass
        return told

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; the exit status and what came to stderr."""
        self.popen.send_signal(number)
        _, said = self.popen.communicate(timeout=WAIT_S)
        return self.popen.returncode, said


@contextmanager
def running(*arguments: str) -> Iterator[Process]:
    process = Process(*arguments)
    try:
        with killed_at_last(process.popen):
            yield process
    finally:
        process.popen.communicate()


def station(*arguments: str) -> Any:
    return running("station", "--http", "0", *arguments)


def supervision() -> Any:
    return running("supervision", "--ocpp-port", "0", "--http-port", "0", "--accept-unknown-tags")


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`forecourt station`, run to its end."""
    return subprocess.run(
        [*COMMAND, "station", *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def get(url: str) -> Any:
    answer = httpx2.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(url: str, body: Any = None) -> Any:
    answer = httpx2.post(url, json=body if body is not None else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


def eventually(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it gives something."""
    end = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)
    return found


@pytest.mark.requirement("GUIDE-PWR-05")
def test_a_station_killed_in_a_session_tells_once_of_its_end_when_it_runs_again(tmp_path: Path) -> None:
    """SIGKILL while a car charges; a restart on the same data sends one StopTransaction with PowerLoss."""
    with supervision() as central:
        addresses = central.line()
        arguments = ("--data", str(tmp_path), "--url", addresses["ocppUrl"], "--id", "STATION 1", "--speed", "60")
        transactions = f"{addresses['httpUrl']}/api/transactions"
        with station(*arguments) as first:
            path = f"{first.until('started')['httpUrl']}/api/stations/STATION%201"
            first.until("connected")
            post(f"{path}/connectors/1/plug")
            post(f"{path}/badge", {"idTag": "TAG"})
            eventually(lambda: get(path)["connectors"][0]["meter_wh"] > 2000)
            before = get(path)["connectors"][0]
            code, _ = first.end(signal.SIGKILL)
            assert code == -signal.SIGKILL
        (open_one,) = get(transactions)
        assert not is_stopped(open_one)
        with station("--data", str(tmp_path), "--speed", "60") as second:
            path = f"{second.until('started')['httpUrl']}/api/stations/STATION%201"
            stopped = eventually(lambda: [row for row in get(transactions) if is_stopped(row)])
            assert len(stopped) == len(get(transactions)) == 1
            assert stopped[0]["reason"] == "PowerLoss"
            assert stopped[0]["meterStart"] == 0
            # Since the last write of the meter, at most about a real second ago, 60 s at some 150 kW may have passed.
            assert 0 < stopped[0]["meterStop"] == int(get(path)["connectors"][0]["meter_wh"])
            assert abs(stopped[0]["meterStop"] - before["meter_wh"]) < 5000
            eventually(lambda: get(path)["queuedMessages"] == 0)
            sent = [row["action"] for row in get(f"{path}/messages") if row["direction"] == ">"]
            assert sent.count("StopTransaction") == 1
        with station("--data", str(tmp_path), "--speed", "60") as third:
            path = f"{third.until('started')['httpUrl']}/api/stations/STATION%201"
            third.until("connected")
            eventually(lambda: get(path)["connectors"][0]["reportedStatus"] == "Available")
            assert "StopTransaction" not in [row["action"] for row in get(f"{path}/messages")]


def is_stopped(row: dict[str, Any]) -> bool:
    return not row["open"]


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    with station() as process:
        process.until("started")
        assert process.end() == (130, "")


def test_a_station_says_once_why_it_is_not_connected_and_connects_when_it_can() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # bound and not listening: refused
        port = silent.getsockname()[1]
        with station("--url", f"ws://127.0.0.1:{port}") as process:
            refused = process.until("refused")
            assert f"127.0.0.1:{port}" in refused["reason"]
            assert "check" in refused["reason"]
            silent.close()
            with running("supervision", "--ocpp-port", str(port), "--http-port", "0"):
                assert process.line() == {"event": "connected", "reason": ""}


@pytest.mark.parametrize(("policy", "status"), [({"openEnrolment": False}, "404"), ({}, "401")])
def test_a_supervision_that_refuses_is_told_with_its_status_and_what_to_try(
    policy: dict[str, bool], status: str
) -> None:
    with supervision() as central:
        addresses = central.line()
        if policy:
            httpx2.put(f"{addresses['httpUrl']}/api/policy", json=policy).raise_for_status()
        else:
            rule = {"authorizationKey": "00112233445566778899AABBCCDDEEFF"}
            httpx2.put(f"{addresses['httpUrl']}/api/stations/ONE", json=rule).raise_for_status()
        with station("--url", addresses["ocppUrl"], "--id", "ONE") as process:
            reason = process.until("refused")["reason"]
            assert status in reason
            assert "ONE" in reason
            assert "check" in reason or "register" in reason


def test_the_station_of_a_data_folder_is_not_contradicted_but_recommissioned(tmp_path: Path) -> None:
    of_nobody = ("--url", "ws://127.0.0.1:1")  # at the default address somebody may give it another interval
    with station("--data", str(tmp_path), "--id", "ONE", "--set", "HeartbeatInterval=77", *of_nobody) as process:
        told = process.until("started")
        assert (told["identity"], told["model"]) == ("ONE", "EVD1S180THB")
        process.end()
    for arguments in (("--id", "TWO"), ("--model", "EVD1S60THB"), ("--url", "ws://127.0.0.1:9")):
        refused = ended("--data", str(tmp_path), "--http", "0", *arguments)
        assert refused.returncode == 1
        assert "--recommission" in refused.stderr
        assert arguments[1] in refused.stderr
    with station("--data", str(tmp_path), "--id", "TWO", "--recommission", *of_nobody) as process:
        told = process.until("started")
        assert told["identity"] == "TWO"
        key = get(f"{told['httpUrl']}/api/stations/TWO/keys/HeartbeatInterval")
        assert key["value"] == "77"


def test_a_data_folder_serves_one_process(tmp_path: Path) -> None:
    with station("--data", str(tmp_path)) as process:
        process.until("started")
        refused = ended("--data", str(tmp_path), "--http", "0")
        assert (refused.returncode, "another process" in refused.stderr) == (1, True)


def test_settings_reach_read_only_keys_and_the_address_at_every_start(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path), "--set", "SupervisionUrl=ws://127.0.0.1:9/ocpp", "--set", "CpoName=Ours")
    for _ in range(2):
        with station(*arguments) as process:
            told = process.until("started")
            assert told["supervisionUrl"] == "ws://127.0.0.1:9/ocpp/FORECOURT-1"
            assert get(f"{told['httpUrl']}/api/stations/FORECOURT-1/keys/CpoName")["value"] == "Ours"
            process.end()


def test_a_control_port_in_use_is_named_with_what_to_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = ended("--http", str(port))
        assert refused.returncode == 1
        assert str(port) in refused.stderr
        assert "--http" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_options_are_taken_by_their_kind() -> None:
    given = named_options(["failing-resets=2", "power_loss=before-dark", "status_timestamp_only=True"])
    options = options_of(given, 5.0)
    assert (options.failing_resets, options.power_loss, options.status_timestamp_only, options.speed) == (
        2,
        PowerLossStop.BEFORE_DARK,
        True,
        5.0,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "EVD1S180THX"), "EVD1S180THB"),
        (("--set", "HeartbeatIntervall=60"), "HeartbeatInterval"),
        (("--set", "HeartbeatInterval=soon"), "whole number"),
        (("--set", "HeartbeatInterval"), "KEY=VALUE"),
        (("--option", "colour=red"), "power_loss"),
        (("--option", "accept_ampere=true"), "nearest is accept_amperes"),
        (("--option", "accept_amperes"), "NAME=VALUE"),
        (("--option", "speed=2"), "no option"),
        (("--file", "missing.toml"), "missing.toml: a file that can be read"),
        (("--option", "power_loss=never"), "before dark"),
        (("--option", "status_timestamp_only=perhaps"), "true or false"),
        (("--option", "failing_resets=often"), "0 or 1 or 2"),
        (("--option", "failing_resets=-1"), "0 or 1 or 2"),
        (("--speed", "0"), "speed"),
        (("--http", "localhost"), "HOST:PORT"),
        (("--http", "0.0.0.0:0"), "a token is demanded"),
        (("--token-file", "nowhere/token"), "could not be read"),
        (("--url", "http://127.0.0.1"), "ws://"),
        (("--id", ""), "identity"),
        (("--serial", "x" * 26), "25"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_a_wrong_command_line_gets_usage_hint_and_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    refused = ended(*arguments)
    usage, hint, sentence = refused.stderr.splitlines()
    assert refused.returncode == 2
    assert usage.startswith("Usage: forecourt station")
    assert "--help" in hint
    assert said in sentence
    assert refused.stdout == ""


def test_cars_of_ones_own_are_plugged_in_by_the_names_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MY_CAR, encoding="utf-8")
    with station("--cars", str(tmp_path), "--url", "ws://127.0.0.1:9", "--id", "CP") as process:
        path = f"{process.until('started')['httpUrl']}/api/stations/CP"
        shown = post(f"{path}/connectors/1/plug", {"vehicle": "mine"})
        assert shown["connectors"][0]["vehicle"]["battery_kwh"] == 51.5
        refused = httpx2.post(f"{path}/connectors/2/plug", json={"vehicle": str(tmp_path / "mine.toml")})
        assert refused.status_code == 400
        assert "mine (also small" in refused.json()["error"]


def test_with_a_token_file_nobody_uses_the_api_without_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n", encoding="ascii")
    file.chmod(0o600)
    with station("--token-file", str(file), "--url", "ws://127.0.0.1:9", "--id", "CP") as process:
        url = f"{process.until('started')['httpUrl']}/api/stations"
        assert httpx2.get(url).status_code == 401
        assert httpx2.get(url, headers={"authorization": "Bearer 0123456789abcdef"}).status_code == 200
        assert httpx2.get(url.replace("/api/stations", "/login")).status_code == 200
    file.chmod(0o644)
    assert "chmod 600" in ended("--token-file", str(file)).stderr


def test_a_car_that_cannot_be_is_told_at_the_start_by_file_value_and_expectation(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MY_CAR.replace("300", "-300"), encoding="utf-8")
    done = ended("--cars", str(tmp_path), "--url", "ws://127.0.0.1:9", "--id", "CP")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"{file}: A car's max_current_a is between 1 and 3000 A, but -300.0 came."
    assert "Traceback" not in done.stderr


@pytest.mark.requirement("WP-A00.FR.201")
def test_station_of_profile_1_says_at_its_start_and_when_it_is_chosen_what_that_is_for() -> None:
    url = ("--url", "ws://127.0.0.1:9", "--id", "STATION")
    key = ("--set", f"AuthorizationKey={'AB' * 16}")
    with station(*url, *key, "--set", "SecurityProfile=1") as process:
        while (told := process.line()).get("name") != "For trusted networks only":
            pass
        assert "sends the password readable" in told["detail"]
    with station(*url, *key, "--set", "SecurityProfile=0") as process:
        path = f"{process.until('started')['httpUrl']}/api/stations/STATION/keys/SecurityProfile"
        assert httpx2.put(path, json={"value": "1"}).status_code == 200
        while (told := process.line()).get("name") != "For trusted networks only":
            pass
        assert "sends the password readable" in told["detail"]

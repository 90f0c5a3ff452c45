"""`forecourt demo` as a newcomer starts it, and as a script runs it once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cli.demo_story import ARRIVAL_SOC, TARGET_SOC
from tests.watchdog import killed_at_last

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "forecourt"]
WAIT_S = 60.0
UPGRADE_S = 15.0
"""Real seconds that nobody waits longer for, from profile 1 to 3."""


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with (
        subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
        ) as process,
        killed_at_last(process),
    ):
        yield process


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
    assert (session["transactionId"], session["idTag"], session["reason"]) == (1, "DEMO-DRIVER", "Local")
    charged_s = (datetime.fromisoformat(session["stoppedAt"]) - datetime.fromisoformat(session["startedAt"])).seconds
    assert 9.5 * 60 < charged_s < 9.5 * 60 + 6 * float(speed)
    messages = session["messages"]
    assert {messages[name] for name in ("BootNotification", "StartTransaction", "StopTransaction")} == {1}
    assert messages["MeterValues"] >= 9
    energy = (Decimal(session["energyWh"]) * Decimal("0.49") / 1000).quantize(Decimal("0.01"), ROUND_HALF_UP)
    charging = (Decimal(charged_s) * Decimal("0.05") / 60).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert (session["cost"]["currency"], session["cost"]["final"]) == ("EUR", True)
    assert Decimal(session["cost"]["gross"]) == energy + charging


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
            assert sessions[0]["idTag"] == "DEMO-DRIVER"
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
        page = re.fullmatch(r"Forecourt demo: open (http://127\.0\.0\.1:\d+/) in a browser\.\n", lines[0])
        assert page is not None, "the address of the page is the first thing it says"
        assert "EVD2S320TBB" in lines[1]
        assert get(page[1] + "api/stations")[0]["model"] == "EVD2S320TBB"
        assert sum("http://127.0.0.1:" in line for line in lines) == 3
        assert any("gun 1 CCS2: Preparing" in line for line in lines)
        assert not any("\x1b" in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
        assert (process.returncode, said) == (130, "")


def steps_of(session: dict[str, Any], side: str) -> list[str]:
    return [step["sentence"] for step in session["security"]["steps"] if step["side"] == side]


def test_station_is_led_from_profile_1_to_3_before_its_session() -> None:
    """Each step is there because it was seen: effects of the station's brain, durable facts of the supervision."""
    session = once("--security", "3", "--speed", "600")
    security = session["security"]
    assert (security["connectedProfile"], security["stationProfile"]) == (3, 3)
    assert security["url"].startswith("wss://127.0.0.1:")
    assert (session["transactionId"], session["reason"]) == (1, "Local")
    told = steps_of(session, "supervision")
    let_in = [sentence for sentence in told if sentence.startswith("lets DEMO-1 in with security profile")]
    assert [sentence[-1] for sentence in let_in] == ["1", "2", "3"]
    order = [
        "sent InstallCertificate CentralSystemRootCertificate: Accepted",
        "sent ChangeConfiguration SecurityProfile=2: Accepted",
        "takes the signing request of DEMO-1",
        "sent CertificateSigned: Accepted",
        "sent ChangeConfiguration SecurityProfile=3: Accepted",
    ]
    assert [sentence for sentence in told if sentence in order] == order
    assert any(security["certificateSerial"][:12] in sentence for sentence in told)
    first, last = (datetime.fromisoformat(session["security"]["steps"][at]["at"]) for at in (0, -1))
    assert (last - first).total_seconds() / 600 < UPGRADE_S
    connecting = [sentence for sentence in steps_of(session, "station") if sentence.startswith("connects to wss://")]
    assert ["its password" in connecting[0], "its client certificate" in connecting[-1]] == [True, True]
    assert all("trusting 1 installed root alone" in sentence for sentence in connecting)


def test_what_the_station_was_given_is_kept_and_the_next_demo_finds_it_at_its_profile(tmp_path: Path) -> None:
    kept = ("--speed", "600", "--data", str(tmp_path))
    first = once("--security", "2", *kept)
    assert (first["security"]["connectedProfile"], first["security"]["certificateSerial"]) == (2, None)
    second = once("--security", "2", *kept)
    assert second["security"]["connectedProfile"] == 2
    assert "DEMO-1 has security profile 2 already, and none goes down over OCPP" in steps_of(second, "supervision")
    plain = once(*kept)
    assert [session["transactionId"] for session in (first, second, plain)] == [1, 2, 3]
    secrets = json.loads((tmp_path / "station" / "commissioning.json").read_text())["authorization_key"]
    assert len(secrets) == 40
    assert secrets not in json.dumps([first, second, plain])


def test_security_is_told_in_lines_before_the_cars_come() -> None:
    with running("demo", "--security", "2", "--speed", "60") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "Charging" not in "".join(lines[-1:]):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        told = "".join(lines)
        assert told.index("is done: DEMO-1 came with security profile 2") < told.index("Charging")
        assert f"wss://127.0.0.1:{told.partition('wss://127.0.0.1:')[2].partition('/')[0]}/DEMO-1" in told


def test_by_hand_no_car_comes_until_a_person_brings_one() -> None:
    with running("demo", "--by-hand", "--speed", "60", "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        station = f"{told['stationUrl']}/api/stations/DEMO-1"
        end = time.monotonic() + WAIT_S
        while get(station)["connectors"][0]["reportedStatus"] != "Available":
            assert time.monotonic() < end
            time.sleep(0.05)
        posted = httpx2.post(f"{station}/connectors/1/plug", json={})
        assert posted.status_code == 200, posted.text
        while get(station)["connectors"][0]["reportedStatus"] != "Preparing":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert httpx2.post(f"{station}/badge", json={"idTag": "DEMO-BADGE"}).status_code == 200
        while not (sessions := get(f"{told['supervisionUrl']}/api/transactions")):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert [one["transactionId"] for one in sessions] == [1]


def test_open_gives_the_page_s_address_to_the_browser(tmp_path: Path) -> None:
    """The browser is a script here that writes down what it was given."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o700)
    with running("demo", "--open", "--by-hand", "--json", BROWSER=f"{browser} %s") as process:
        assert process.stdout is not None
        page = json.loads(process.stdout.readline())["pageUrl"]
        end = time.monotonic() + WAIT_S
        while not opened.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        assert opened.read_text().strip() == page


def test_where_no_browser_is_one_sentence_says_so_and_the_demo_goes_on(tmp_path: Path) -> None:
    with running("demo", "--open", "--by-hand", "--json", PATH=str(tmp_path), BROWSER="", DISPLAY="") as process:
        assert process.stdout is not None
        page = json.loads(process.stdout.readline())["pageUrl"]
        said: dict[str, Any] = {}
        while said.get("event") != "not opened":
            said = json.loads(process.stdout.readline())
        assert said["reason"] == f"No browser could be opened here: open {page} yourself."
        assert get(page + "api/stations")[0]["identity"] == "DEMO-1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "EVD"), "EVD"),
        (("--speed", "-1"), "speed"),
        (("--security", "1"), "2 or 3"),
        (("--once", "--by-hand"), "--by-hand"),
        (("--once", "--open"), "--open"),
    ],
)
def test_a_wrong_demo_gets_usage_hint_and_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    refused = subprocess.run(
        [*COMMAND, "demo", *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    usage, _hint, sentence = refused.stderr.splitlines()
    assert (refused.returncode, usage.startswith("Usage: forecourt demo"), said in sentence) == (2, True, True)

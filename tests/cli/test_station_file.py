"""A station's file: what it says, and the sentence for what it cannot say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from forecourt.cli.station_file import (
    FILE_MAX,
    OptionError,
    StationFileError,
    checked_option,
    option_values,
    options_of,
    read_station_file,
)
from forecourt.station.commissioning import StationOptions

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
[commissioning]
url = "ws://127.0.0.1:9/ocpp"
id = "FROM-FILE"
model = "evd1s60thb"
serial = "S-17"
firmware = "3.5.8803"

[keys]
heartbeatinterval = 77
FreeCharging = true
CpoName = "Ours"

[options]
accept-amperes = true
failing_resets = 2
power_loss = "before dark"
"""
WAIT_S = 30.0


def written(folder: Path, text: str) -> Path:
    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    said = read_station_file(written(tmp_path, WHOLE))
    assert said.commissioning == {
        "supervision_url": "ws://127.0.0.1:9/ocpp",
        "identity": "FROM-FILE",
        "model": "evd1s60thb",
        "serial_number": "S-17",
        "firmware_version": "3.5.8803",
    }
    assert [(key.name, value) for key, value in said.settings] == [
        ("HeartbeatInterval", "77"),
        ("FreeCharging", "true"),
        ("CpoName", "Ours"),
    ]
    assert said.options == {"accept_amperes": "true", "failing_resets": "2", "power_loss": "before dark"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keys = 3", "keys was expected to be a table, 3 came"),
        ("[keyes]", "the tables commissioning, keys, options were expected, 'keyes' came"),
        ("id = 'CP-1'", "'id' came"),
        ("[commissioning]\nname = 'x'", "commissioning takes id, url, model, serial, firmware; 'name' came"),
        ("[commissioning]\nserial = 17", "commissioning.serial was expected to be text, 17 came"),
        ("[keys]\nHeartbeatIntervall = 60", "HeartbeatInterval"),
        ("[keys]\nHeartbeatInterval = 'soon'", "whole number"),
        ("[keys]\nHeartbeatInterval = [60]", "keys.HeartbeatInterval was expected to be text, a number, true or false"),
        ("[keys]\nHeartbeatInterval = 60\nheartbeatinterval = 61", "twice"),
        ("[options]\naccept_ampere = true", "nearest is accept_amperes"),
        ("[options]\ncolour = 'red'", "expected one of power_loss"),
        ("[options]\naccept_amperes = 'perhaps'", "true or false"),
        ("[options]\nfailing_resets = 10", "0 or 1 or 2"),
        ("[options]\npower_loss = 2026-01-01", "options.power_loss was expected to be text"),
        ("[options", "TOML was expected"),
        ("a = " + "[" * 100_000, "TOML was expected"),
        ("#" * (FILE_MAX + 1), "at most"),
    ],
)
def test_what_a_file_cannot_say_is_refused_with_its_name_and_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(StationFileError) as refused:
        read_station_file(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)
    assert str(refused.value).endswith(".")


def test_bytes_that_are_no_text_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StationFileError, match="TOML was expected"):
        read_station_file(path)
    with pytest.raises(StationFileError, match="can be read"):
        read_station_file(tmp_path)


def test_every_option_but_the_speed_takes_each_of_its_values() -> None:
    """A new field of the options is one that the command line can set, or this fails."""
    values = option_values()
    assert set(values) == set(StationOptions.__struct_fields__) - {"speed"}
    for name, each in values.items():
        for value in each:
            options = options_of(dict([checked_option(name.replace("_", "-").upper(), value)]), 1.0)
            assert str(getattr(options, name)).lower() == value
    with pytest.raises(OptionError, match="no option"):
        checked_option("speed", "2")


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    arguments = ("--file", str(path), "--id", "FROM-LINE", "--set", "HeartbeatInterval=88", "--http", "0", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "forecourt", "station", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline())
        assert (told["identity"], told["model"]) == ("FROM-LINE", "EVD1S60THB")
        assert told["supervisionUrl"] == "ws://127.0.0.1:9/ocpp/FROM-LINE"
        keys = f"{told['httpUrl']}/api/stations/FROM-LINE/keys"
        values = {row["key"]: row["value"] for row in httpx2.get(keys).json()}
        assert (values["HeartbeatInterval"], values["FreeCharging"], values["CpoName"]) == ("88", "true", "Ours")
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 130
    finally:
        process.kill()
        process.communicate()


def test_a_wrong_file_is_a_misuse_of_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, "[options]\ncolour = 'red'")
    refused = subprocess.run(
        [sys.executable, "-m", "forecourt", "station", "--file", str(path)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    usage, hint, sentence = refused.stderr.splitlines()
    assert (refused.returncode, usage.startswith("Usage: forecourt station"), "--help" in hint) == (2, True, True)
    assert sentence.startswith(f"{path}: 'colour' is no option")

"""`forecourt supervision` as a person and as a script use it: a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.watchdog import killed_at_last

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "forecourt", "supervision"]


@contextmanager
def supervision(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, running; killed at the end if it still does."""
    ports = ["--ocpp-port", "0", "--http-port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with (
        subprocess.Popen(
            [*COMMAND, *ports, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process,
        killed_at_last(process),
    ):
        yield process


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.requirement("J-3.1.1-1")
def test_addresses_as_json_work_and_ctrl_c_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    with supervision("--json", "--data", str(tmp_path / "new"), "--accept-unknown-tags") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["data"] == str(tmp_path / "new")
        with connect(f"{told['ocppUrl']}/EVD-1", subprotocols=[Subprotocol("ocpp1.6")]) as station:
            boot = {"chargePointVendor": "S", "chargePointModel": "M"}
            station.send(json.dumps([2, "1", "BootNotification", boot]))
            assert json.loads(station.recv(10))[2]["status"] == "Accepted"
            station.send(json.dumps([2, "2", "Authorize", {"idTag": "anybody"}]))
            assert json.loads(station.recv(10))[2] == {"idTagInfo": {"status": "Accepted"}}
            found = httpx2.get(f"{told['httpUrl']}/api/stations/EVD-1").json()
            assert found["connected"]
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert rest == ""
        assert errors == ""


def test_addresses_for_a_person_are_where_it_answers() -> None:
    with supervision() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        assert re.search(r"ws://127\.0\.0\.1:\d+/IDENTITY", lines[0])
        address = re.search(r"http://\S+/api/stations", lines[1])
        assert address is not None
        assert httpx2.get(address[0]).json() == []
        files = re.findall(r"(?:http|ftp)://127\.0\.0\.1:\d+/\S*", lines[2])
        assert [url.partition(":")[0] for url in files] == ["http", "ftp"]
        assert httpx2.get(f"{files[0]}none.bin").status_code == 404
        assert "Nothing is kept" in lines[3]
        assert "Ctrl-C" in lines[4]


def test_file_servers_run_where_they_are_asked_for_or_not_at_all() -> None:
    with supervision("--json", "--files-http", "0", "--ftp", "none") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["ftpUrl"] is None
        image = httpx2.put(f"{told['httpUrl']}/api/files/new.bin", content=b"image").json()
        assert image["locations"] == [f"{told['filesUrl']}new.bin"]
        assert httpx2.get(image["locations"][0]).content == b"image"


@pytest.mark.parametrize("option", ["--ocpp-port", "--http-port", "--files-http", "--ftp"])
def test_port_in_use_is_told_in_one_sentence_with_exit_1(option: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ports = {"--ocpp-port": "0", "--http-port": "0"} | {option: str(port)}
        result = ended(*(word for pair in ports.items() for word in pair))
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert str(port) in result.stderr
    assert "choose another port" in result.stderr
    assert option in result.stderr


def test_folder_of_another_supervision_is_told_in_one_sentence_with_exit_1(tmp_path: Path) -> None:
    with supervision("--json", "--data", str(tmp_path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        result = ended("--ocpp-port", "0", "--http-port", "0", "--data", str(tmp_path))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(tmp_path) in result.stderr
    assert "in use by another process" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["--ocpp-port", "none"], ["--http-port", "65536"], ["--unknown"], ["--data"], ["extra"]]
)
def test_command_line_that_cannot_be_meant_gets_usage_hint_and_exit_2(arguments: list[str]) -> None:
    result = ended(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("Usage: forecourt supervision")
    assert "--help" in result.stderr
    assert "Traceback" not in result.stderr


def test_supervision_that_speaks_tls_tells_where_and_shows_its_root(tmp_path: Path) -> None:
    options = ("--tls-port", "0", "--host-name", "localhost", "--organization", "Operator")
    with supervision("--json", "--data", str(tmp_path / "new"), *options) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        root = httpx2.get(f"{told['httpUrl']}/api/authority").text
        trusting = ssl.create_default_context(cadata=root)
        for url in (told["tlsUrl"], told["ocppUrl"].replace("ws://127.0.0.1", "wss://localhost")):
            with connect(f"{url}/EVD-1", subprotocols=[Subprotocol("ocpp1.6")], ssl=trusting) as station:
                assert station.subprotocol == "ocpp1.6"
                shown = station.socket.getpeercert()  # type: ignore[attr-defined]
                assert (("organizationName", "Operator"),) in shown["subject"]
    with supervision("--tls") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert re.search(r"wss://localhost:\d+/IDENTITY", lines[1])
        assert "trusted networks only" in lines[1]
        address = re.search(r"http://\S+/api/authority", lines[2])
        assert address is not None
        assert httpx2.get(address[0]).text.startswith("-----BEGIN CERTIFICATE-----")


def test_options_of_tls_without_tls_are_misuse(tmp_path: Path) -> None:
    done = ended("--organization", "Operator")
    assert (done.returncode, "give --tls as well" in done.stderr) == (2, True)
    done = ended("--tls", "--organization", "x" * 65)
    assert (done.returncode, "65 came" in done.stderr) == (2, True)
    done = ended("--tls", "--authority", str(tmp_path / "a.pem"), str(tmp_path / "a.key"))
    assert (done.returncode, "cannot be read" in done.stderr) == (1, True)


@pytest.mark.requirement("WP-A00.FR.201")
def test_doors_tell_where_they_are_and_that_of_profile_1_what_it_is_for() -> None:
    with supervision("--json", "--tls", "--door", "0:1", "--door", "0:2", "--legacy-tls") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert [door["securityProfile"] for door in told["doors"]] == [1, 2]
        assert [door["url"].partition(":")[0] for door in told["doors"]] == ["ws", "wss"]
        assert "trusted networks only" in told["warnings"][0]
        assert "TLS 1.0" in told["warnings"][1]
        assert told["filesTlsUrl"].startswith("https://localhost:")
        trusting = ssl.create_default_context(cadata=httpx2.get(f"{told['httpUrl']}/api/authority").text)
        assert httpx2.get(f"{told['filesTlsUrl']}none", verify=trusting).status_code == 404
    with supervision("--door", "0:1") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert re.search(r"ws://127\.0\.0\.1:\d+/IDENTITY, profile 1 only", lines[1])
        assert lines[2].startswith("Warning: Security profile 1 sends the password readable")
    with supervision("--json", "--door", "0:0") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["warnings"] == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--door", "9001"], "PORT:PROFILE"),
        (["--door", "9001:4"], "a profile from 0 to 3"),
        (["--door", "9001:2"], "needs TLS"),
        (["--legacy-tls"], "give --tls as well"),
        (["--files-https", "0"], "give --tls as well"),
        (["--tls", "--host-name", ""], "'' came"),
        (["--tls", "--host-name", "tankstelle-süd"], "'tankstelle-süd' came"),
        (["--tls", "--host-name", "a b.example"], "'a b.example' came"),
        (["--tls", "--host-name", "a" * 65], "64 at most"),
        (["--tls", "--certificate", "a.pem"], "belong together; 1 and 0"),
    ],
)
def test_doors_and_certificates_that_cannot_be_meant_are_misuse(arguments: list[str], why: str) -> None:
    done = ended(*arguments)
    assert (done.returncode, why in done.stderr) == (2, True), done.stderr


def test_certificates_and_manufacturers_that_cannot_be_used_are_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    (tmp_path / "none.key").touch(mode=0o600)
    ports = ("--ocpp-port", "0", "--http-port", "0")
    pair = ("--certificate", str(tmp_path / "none.pem"), "--key", str(tmp_path / "none.key"))
    for arguments in (("--tls", *pair), ("--manufacturer-authority", str(tmp_path / "none.pem"))):
        done = ended(*ports, *arguments)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert "in PEM" in done.stderr

"""Somebody else at the door: another's identity with a password or a certificate, and a thousand wrong passwords."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.supervision.doors import WRONG_A_MINUTE
from forecourt.supervision.server_security import TlsOptions
from tests.both_sides import connected, found, led_to, standing
from tests.hosted_rig import until
from tests.link_peers import OFFER, UPGRADE
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.both_sides import Standing
    from tests.supervision_peers import Running

KEY, OTHER = "0123456789abcdef0123456789abcdef01234567", "99" * 20
TLS = TlsOptions(port=0)
GUESSES, TRACED = 1000, 700
"""How many wrong passwords, and after how many the memory is watched, which takes time."""
KEPT_BYTES = 200_000


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecourt.station.link.BACK_OFF_LEAST_S", 0.05)


def problem(here: Standing) -> str:
    snapshot = here.station.snapshot()
    assert snapshot is not None
    return snapshot.link.problem


async def still_there(ours: Running, since: Any) -> None:
    """The connection of the real station is the one it was, and works."""
    view = await ours.get("/api/stations/EVD-1")
    assert (view["connected"], view["connectedSince"]) == (True, since)
    answer = await ours.command("GetLocalListVersion")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("shows", ["another's key", "its own", "none"])
def test_station_with_the_identity_of_another_and_without_its_password_does_not_take_its_place(
    tmp_path: Path, shows: str
) -> None:
    """Over plain WebSockets, where the password is all there is; nor does it once the real one has gone."""

    async def scenario() -> None:
        async with running(data=tmp_path / "supervision") as ours:
            for identity, key in (("EVD-1", KEY), ("EVD-2", OTHER)):
                assert (await ours.http.put(f"/api/stations/{identity}", json={"authorizationKey": key})).is_success
            shown = {"another's key": OTHER, "its own": "ab" * 16, "none": None}[shows]
            async with standing(ours, tmp_path / "real", key=KEY):
                since = (await connected(ours))["connectedSince"]
                async with standing(ours, tmp_path / "thief", key=shown) as thief:
                    await until(lambda: "HTTP 401" in problem(thief))
                    await still_there(ours, since)
            async with standing(ours, tmp_path / "thief", key=shown) as thief:
                await until(lambda: "HTTP 4" in problem(thief))
                assert not (await ours.get("/api/stations/EVD-1"))["connected"]
            (event,) = await ours.get(
                "/api/security-events", station="EVD-1", type="FailedToAuthenticateAtCentralSystem"
            )
            assert event["source"] == "supervision"

    play(scenario(), within_s=30)


def test_station_with_a_good_certificate_of_its_own_is_not_taken_for_another(tmp_path: Path) -> None:
    """EVD-2 has a certificate of the operator's authority; with the identity EVD-1 it is worth nothing."""

    async def scenario() -> None:
        async with running(data=tmp_path / "supervision", tls=TLS) as ours:
            async with standing(ours, tmp_path / "thief", identity="EVD-2", SecurityProfile="0"):
                await connected(ours, "EVD-2")
                await led_to(ours, 3, "EVD-2")
            async with standing(ours, tmp_path / "real", SecurityProfile="0"):
                await connected(ours)
                await led_to(ours, 3)
                since = (await connected(ours))["connectedSince"]
                async with standing(ours, tmp_path / "thief", SecurityProfile="3") as thief:
                    await until(lambda: "HTTP 403" in problem(thief))
                    await still_there(ours, since)
                told = await found(ours, "/api/security-events", station="EVD-1", type="InvalidChargePointCertificate")
                assert "serial number, was expected" in told[0]["techInfo"]
            async with standing(ours, tmp_path / "thief", identity="EVD-2", SecurityProfile="3"):
                await connected(ours, "EVD-2")

    play(scenario(), within_s=40)


async def guess(port: int, identity: str, password: str) -> int:
    """The status of one attempt with a password."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    basic = b64encode(f"{identity}:{password}".encode()).decode()
    writer.write(UPGRADE.format(path=f"/{identity}", more=f"{OFFER}Authorization: Basic {basic}\r\n").encode())
    try:
        line = await reader.readline()
        await reader.read()
        return int(line.split()[1])
    finally:
        writer.transport.abort()


async def guesses(port: int, begin: int, end: int) -> list[int]:
    """The statuses of many attempts, ten at a time."""
    statuses: list[int] = []
    for begun in range(begin, end, 10):
        statuses += await asyncio.gather(*(guess(port, "EVD-1", f"wrong {begun + number}") for number in range(10)))
    return statuses


def test_thousand_wrong_passwords_are_slowed_down_counted_in_one_event_and_keep_nobody_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not told of at once is told with the first after the minute. The memory they cost comes back at once."""

    async def scenario() -> None:
        async with running(data=tmp_path / "supervision") as ours:
            assert (await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})).is_success
            port = ours.supervision.ocpp_port
            statuses = [await guess(port, "EVD-1", "wrong") for _ in range(20)]
            statuses += await guesses(port, 20, TRACED)
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                statuses += await guesses(port, TRACED, GUESSES)
                await until(lambda: gc.collect() >= 0 and tracemalloc.get_traced_memory()[0] - before < KEPT_BYTES, 5.0)
            finally:
                tracemalloc.stop()
            assert statuses == [401] * WRONG_A_MINUTE + [429] * (GUESSES - WRONG_A_MINUTE)
            async with standing(ours, tmp_path / "real", key=KEY):
                await connected(ours)
                kind = "FailedToAuthenticateAtCentralSystem"
                events = await ours.get("/api/security-events", type=kind)
                assert [event["times"] for event in events] == [1]
                monkeypatch.setattr("forecourt.supervision.throttle.WINDOW_S", 0.0)
                assert await guess(port, "EVD-1", "once more") == 401
                events = await found(ours, "/api/security-events", lambda events: len(events) == 2, type=kind)
                assert sum(event["times"] for event in events) == GUESSES + 1
                assert (await ours.get("/api/stations/EVD-1"))["connected"]

    play(scenario(), within_s=40)
    said = capfd.readouterr()
    assert said.out.count("FailedToAuthenticateAtCentralSystem") == 2
    assert "wrong 7" not in said.out + said.err

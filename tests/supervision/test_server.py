"""The supervision with real sockets: who is let in, what is durable before it is answered, how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_at_once
from websockets.typing import Subprotocol

from forecourt.errors import ForecourtError
from forecourt.supervision import server
from forecourt.supervision.facts import Policy, TransactionStarted
from forecourt.supervision.server import Supervision
from tests.supervision_peers import ANYBODY, play, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from forecourt.supervision.facts import Fact
    from tests.supervision_peers import Running

KEY = "0001020304050607FFFFFFFFFFFFFFFF"


def basic(user: str, password: bytes) -> dict[str, str]:
    """The header of Basic authentication."""
    return {"Authorization": "Basic " + b64encode(user.encode() + b":" + password).decode()}


async def knock(ours: Running, identity: str, headers: dict[str, str] | None = None) -> int:
    """The HTTP status of a handshake."""
    url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/{identity}"
    try:
        async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.requirement("J-3.2-1")
def test_station_nobody_registered_gets_404_while_enrolment_is_closed() -> None:
    async def scenario() -> None:
        async with running(policy=Policy(open_enrolment=False)) as ours:
            assert await knock(ours, "EVD-1") == 404
            assert (await ours.http.put("/api/stations/EVD-1", json={})).status_code == 200
            assert await knock(ours, "EVD-1") == 101
            assert await knock(ours, "EVD-2") == 404
            assert (await ours.http.delete("/api/stations/EVD-1")).status_code == 204
            assert await knock(ours, "EVD-1") == 404

    play(scenario())


@pytest.mark.requirement("J-3.1.1-3")
def test_identity_is_the_decoded_last_segment_of_the_path() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station("RDAM 123/é%41"):
            assert [found["identity"] for found in await ours.get("/api/stations")] == ["RDAM 123/é%41"]
            found = await ours.get("/api/stations/RDAM%20123%2F%C3%A9%2541")
            assert found["connected"]

    play(scenario())


@pytest.mark.requirement("J-3.2-2")
def test_station_without_our_subprotocol_is_let_in_and_closed_at_once() -> None:
    async def scenario() -> None:
        async with running() as ours:
            url = f"ws://127.0.0.1:{ours.supervision.ocpp_port}/EVD-1"
            async with connect(url) as peer:
                assert peer.subprotocol is None
                with pytest.raises(ConnectionClosed):
                    await peer.recv()
            assert await ours.get("/api/stations") == []

    play(scenario())


def test_station_with_a_password_is_let_in_with_its_bytes_or_its_text_and_nothing_else() -> None:
    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})
            for headers, status in (
                (basic("EVD-1", bytes.fromhex(KEY)), 101),
                (basic("EVD-1", KEY.encode()), 101),
                (basic("EVD-1", b"wrong"), 401),
                (basic("EVD-1", b""), 401),
                (basic("EVD-2", bytes.fromhex(KEY)), 401),
                ({"Authorization": "Bearer " + KEY}, 401),
                (None, 401),
            ):
                assert await knock(ours, "EVD-1", headers) == status, headers
            assert await knock(ours, "EVD-2") == 101
            await ours.http.put("/api/stations/EVD-1", json={"bootStatus": "Pending"})
            assert await knock(ours, "EVD-1") == 401, "a change without a key leaves the key"
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": ""})
            assert await knock(ours, "EVD-1") == 101

    play(scenario())


@pytest.mark.requirement("WP-A01.FR.02", "WP-A01.FR.03")
def test_new_password_taken_by_the_station_is_the_only_one_from_then_on() -> None:
    new = "AA" * 20

    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})
            old_header, new_header = basic("EVD-1", bytes.fromhex(KEY)), basic("EVD-1", bytes.fromhex(new))
            async with ours.station(additional_headers=old_header) as station:
                answer = asyncio.create_task(station.answer({"status": "Accepted"}))
                assert (
                    await ours.command("ChangeConfiguration", {"key": "AuthorizationKey", "value": new})
                ).json() == {"status": "Accepted"}
                assert (await answer)[2:] == ["ChangeConfiguration", {"key": "AuthorizationKey", "value": new}]
            assert await knock(ours, "EVD-1", old_header) == 401
            assert await knock(ours, "EVD-1", new_header) == 101

    play(scenario())


@pytest.mark.requirement("WP-A01.FR.04")
@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_password_the_station_refused_leaves_the_old_one(status: str) -> None:
    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})
            old_header = basic("EVD-1", bytes.fromhex(KEY))
            async with ours.station(additional_headers=old_header) as station:
                answer = asyncio.create_task(station.answer({"status": status}))
                await ours.command("ChangeConfiguration", {"key": "AuthorizationKey", "value": "AA" * 20})
                await answer
            assert await knock(ours, "EVD-1", basic("EVD-1", b"\xaa" * 20)) == 401
            assert await knock(ours, "EVD-1", old_header) == 101

    play(scenario())


@pytest.mark.requirement("WP-A01.FR.05", "WP-A00.FR.806")
def test_station_that_refused_its_password_is_kept_pending_and_asked_again() -> None:
    async def scenario() -> None:
        async with running() as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": KEY})
            old_header = basic("EVD-1", bytes.fromhex(KEY))
            change = {"key": "AuthorizationKey", "value": "AA" * 16}
            async with ours.station(additional_headers=old_header) as station:
                answer = asyncio.create_task(station.answer({"status": "Rejected"}))
                await ours.command("ChangeConfiguration", change)
                await answer
            await ours.http.put("/api/stations/EVD-1", json={"bootStatus": "Pending"})
            async with ours.station(booted=False, additional_headers=old_header) as station:
                assert (await station.boot())["status"] == "Pending"
                assert (await ours.command("RemoteStartTransaction", {"idTag": "BADGE"})).status_code == 409
                answer = asyncio.create_task(station.answer({"status": "Accepted"}))
                assert (await ours.command("ChangeConfiguration", change)).json() == {"status": "Accepted"}
                assert (await answer)[3] == change
            assert await knock(ours, "EVD-1", old_header) == 401
            assert await knock(ours, "EVD-1", basic("EVD-1", b"\xaa" * 16)) == 101

    play(scenario())


@pytest.mark.requirement("WP-A01.FR.09")
def test_password_shows_in_no_reading_no_event_and_no_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    new = "0123456789abcdef0123456789abcdef"

    async def scenario() -> None:
        async with running(data=tmp_path) as ours, ours.station() as station:
            async with ours.http.stream("GET", "/api/events", params={"messages": "true"}) as events:
                lines = events.aiter_lines()
                assert await anext(lines) == ": following"
                answer = asyncio.create_task(station.answer({"status": "Accepted"}))
                response = await ours.command("ChangeConfiguration", {"key": "AuthorizationKey", "value": new})
                await answer
                seen = [await anext(lines)]
                while "event: CommandEnded" not in seen:
                    seen.append(await anext(lines))
                seen.append(await anext(lines))
            command = await ours.get(response.headers["location"])
            assert command["request"]["key"] == "AuthorizationKey"
            shown = json.dumps([seen, command, await ours.get("/api/stations/EVD-1/messages")])
            assert "AuthorizationKey" in shown
            assert new not in shown

    play(scenario())
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"AuthorizationKey" in files
    assert new.encode() not in files
    assert new not in "".join(capfd.readouterr())


@pytest.mark.requirement("J-3-2")
def test_second_connection_of_an_identity_replaces_the_first() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as first, ours.station(booted=False) as second:
            await first.socket.wait_closed()
            assert first.socket.close_code == 1000
            assert "currentTime" in await second.ask("Heartbeat", {})
            answer = asyncio.create_task(second.answer({"status": "Accepted"}))
            assert (await ours.command("ClearCache")).status_code == 200
            await answer
            found = await ours.get("/api/stations/EVD-1")
            assert found["connected"]

    play(scenario())


@pytest.mark.requirement("J-4.1.1-4")
def test_command_to_one_station_does_not_wait_for_the_answer_of_another() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station("EVD-1") as slow, ours.station("EVD-2") as quick:
            waiting = asyncio.create_task(ours.command("ClearCache", identity="EVD-1"))
            call = await slow.calls.get()
            answer = asyncio.create_task(quick.answer({"status": "Rejected"}))
            assert (await ours.command("ClearCache", identity="EVD-2")).json() == {"status": "Rejected"}
            await answer
            assert not waiting.done()
            await slow.socket.send(json.dumps([3, call[1], {"status": "Accepted"}]))
            assert (await waiting).json() == {"status": "Accepted"}

    play(scenario())


@pytest.mark.requirement("OCPP-4.8-7")
def test_start_repeated_after_a_restart_of_the_supervision_is_still_the_same_transaction(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path) as ours, ours.station() as station:
            first = await station.start(timestamp="2026-11-22T08:30:00.123Z")
            other = await station.start(connectorId=2)
        async with running(data=tmp_path) as ours, ours.station(booted=False) as station:
            assert await station.start(timestamp="2026-11-22T08:30:00.123Z") == first
            assert await station.start(timestamp="2026-11-22T09:30:00.123+01:00") == first
            later = await station.start(meterStart=2000)
            assert len({first, other, later}) == 3
            assert len(await ours.get("/api/transactions")) == 3

    play(scenario())


def test_registries_and_policy_outlive_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, policy=None) as ours:
            await ours.http.put("/api/id-tags/Badge", json={"parentIdTag": "Group"})
            await ours.http.put("/api/stations/EVD-1", json={"bootStatus": "Pending", "interval": 7})
            await ours.http.put("/api/policy", json={"openEnrolment": False})
        async with running(data=tmp_path, policy=None) as ours:
            async with ours.station(booted=False) as station:
                boot = await station.boot()
                assert (boot["status"], boot["interval"]) == ("Pending", 7)
            assert await knock(ours, "EVD-2") == 404
            await ours.http.put("/api/stations/EVD-1", json={})
            async with ours.station() as station:
                tag = await station.ask("Authorize", {"idTag": "BADGE"})
                assert tag == {"idTagInfo": {"status": "Accepted", "parentIdTag": "Group"}}

    play(scenario())


def test_command_line_rule_about_tags_leaves_the_rest_of_the_stored_policy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, policy=Policy(heartbeat_interval_s=77)):
            pass
        async with running(data=tmp_path, policy=None, accept_unknown_tags=True) as ours:
            policy = await ours.get("/api/policy")
            assert (policy["heartbeatInterval"], policy["acceptUnknownIdTags"]) == (77, True)

    play(scenario())


def test_frames_of_a_station_wait_for_the_commit_and_keep_their_order() -> None:
    """While a group is being written nothing that depends on it goes out, and nothing overtakes it."""

    async def scenario() -> None:
        async with running() as ours, ours.station() as station, ours.station("EVD-2") as other:
            held = asyncio.Event()
            commits: list[Any] = []
            commit = ours.supervision.store.commit

            def delayed(facts: Sequence[Fact], done: Callable[[], None] | None = None) -> None:
                if held.is_set():
                    commit(facts, done)
                else:
                    commits.append((facts, done))

            ours.supervision.store.commit = delayed  # type: ignore[method-assign]
            start = asyncio.create_task(station.start())
            while not any(isinstance(fact, TransactionStarted) for given, _ in commits for fact in given):
                await asyncio.sleep(0.001)
            heartbeat = asyncio.create_task(station.ask("Heartbeat", {}))
            assert "currentTime" in await other.ask("Heartbeat", {}), "another station does not wait"
            assert not start.done()
            assert not heartbeat.done()
            held.set()
            for given, done in commits:
                commit(given, done)
            assert await start == 1
            await heartbeat

    play(scenario())


def test_store_that_refuses_makes_errors_and_closes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: what is under way waits, what comes is answered InternalError, until there is room again."""
    monkeypatch.setattr("forecourt.supervision.store.RETRY_S", 0.01)

    async def scenario() -> None:
        async with running(data=tmp_path, wire_log=False) as ours, ours.station() as station:
            store = ours.supervision.store
            pages = await store.read(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
            await store.read(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
            sampled = [{"value": "1" * 300_000}]
            values = {"connectorId": 1, "meterValue": [{"timestamp": "2026-11-22T08:30:00Z", "sampledValue": sampled}]}
            async with ours.station("EVD-2") as other:
                under_way = asyncio.create_task(station.call("MeterValues", values))
                while (answer := await other.call("Heartbeat", {}))[0] == 3:
                    await asyncio.sleep(0.001)
                assert answer[2] == "InternalError"
                assert not under_way.done()
                await store.read(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000"))
                assert (await under_way)[0] == 3
                assert await station.start() == 1
                assert await other.start() == 2

    play(scenario())


def test_answer_timeout_is_in_real_seconds_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_TIMEOUT_S", 0.3)
    began = time.monotonic()

    def hurrying() -> float:
        return 1_800_000_000.0 + 100.0 * (time.monotonic() - began)

    async def scenario() -> None:
        async with running(clock=hurrying, speed=100.0) as ours, ours.station() as station:
            asked = time.monotonic()
            response = await ours.command("ClearCache")
            assert response.status_code == 504
            assert 0.25 < time.monotonic() - asked < 5.0
            await station.calls.get()

    play(scenario())


def test_clock_that_goes_back_is_not_followed() -> None:
    times = iter([100.0, 90.0, 101.0])
    ours = Supervision(clock=lambda: next(times))
    assert [ours.now(), ours.now(), ours.now()] == [100.0, 100.0, 101.0]


@pytest.mark.parametrize("port", ["ocpp_port", "http_port"])
def test_port_in_use_is_named_in_a_sentence_and_nothing_stays_open(port: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            number = taken.getsockname()[1]
            ports: dict[str, Any] = {"ocpp_port": 0, "http_port": 0, port: number}
            with pytest.raises(ForecourtError, match=f"{number}.*in use.*choose another"):
                await Supervision(data=tmp_path, **ports).start()
        async with running(data=tmp_path):
            """The folder is free again."""

    play(scenario())


def test_supervision_stops_soon_with_stations_streams_and_commands_open() -> None:
    async def scenario() -> None:
        async with (
            running() as ours,
            ours.station() as station,
            ours.http.stream("GET", "/api/events") as events,
        ):
            lines = events.aiter_lines()
            assert await anext(lines) == ": following"
            waiting = asyncio.create_task(ours.command("ClearCache"))
            await station.calls.get()
            began = time.monotonic()
            await ours.supervision.stop()
            assert time.monotonic() - began < 8.0
            await station.socket.wait_closed()
            assert station.socket.close_code == 1001
            await asyncio.wait([waiting])

    play(scenario())


SERVER = """
import sys
from pathlib import Path
from forecourt.runtime.loop import run
from forecourt.supervision.facts import Policy
from forecourt.supervision.server import Supervision, run_until_cancelled

async def main():
    ours = Supervision(
        ocpp_port=0, http_port=0, data=Path(sys.argv[1]), policy=Policy(accept_unknown_id_tags=True,
        concurrent_transactions=True)
    )
    await ours.start()
    print(ours.ocpp_port, flush=True)
    await run_until_cancelled(ours)

run(main())
"""


def test_killed_supervision_has_every_transaction_it_answered(tmp_path: Path) -> None:
    """kill -9 in the middle of starts, stops and meter values: what was answered is there, and ids go on upwards."""
    answered: list[int] = []
    values: list[int] = []
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        url = f"ws://127.0.0.1:{port}/EVD-1"
        with connect_at_once(url, subprotocols=[Subprotocol("ocpp1.6")]) as peer:

            def ask(action: str, payload: dict[str, Any]) -> dict[str, Any]:
                peer.send(json.dumps([2, "id", action, payload]))
                answer: dict[str, Any] = json.loads(peer.recv(10))[2]
                return answer

            ask("BootNotification", {"chargePointVendor": "S", "chargePointModel": "M"})
            at = "2026-11-22T08:30:00Z"
            for meter in range(40):
                start = {"connectorId": 1, "idTag": "B", "meterStart": meter, "timestamp": at}
                number = ask("StartTransaction", start)["transactionId"]
                answered.append(number)
                sampled = [{"timestamp": at, "sampledValue": [{"value": str(meter)}]}]
                ask("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": sampled})
                values.append(number)
                ask("StopTransaction", {"transactionId": number, "meterStop": meter + 5, "timestamp": at})
            process.send_signal(signal.SIGKILL)

    async def scenario() -> None:
        async with running(data=tmp_path) as ours, ours.station(booted=False) as station:
            found = await ours.get("/api/transactions", limit=1000)
            assert sorted(each["transactionId"] for each in found) == answered
            assert {each["energyWh"] for each in found} == {5}
            for number in values:
                assert len(await ours.get(f"/api/transactions/{number}/meter-values")) == 1
            assert await station.start(meterStart=39, idTag="B") == answered[-1]
            assert await station.start(meterStart=99) > max(answered)

    play(scenario())


@pytest.mark.requirement("OCPP-4.6-4")
def test_any_message_is_a_sign_of_life_that_the_api_shows() -> None:
    times = [1_800_000_000.0]

    async def scenario() -> None:
        async with running(clock=lambda: times[0]) as ours, ours.station() as station:
            times[0] += 50
            assert (await station.call("Nonsense", {}))[0] == 4
            found = await ours.get("/api/stations/EVD-1")
            assert found["lastSeen"] == "2027-01-15T08:00:50Z"
            assert found["connectedSince"] == "2027-01-15T08:00:00Z"

    play(scenario())


def test_policy_given_at_the_start_replaces_the_stored_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, policy=Policy(heartbeat_interval_s=11)):
            pass
        async with running(data=tmp_path, policy=ANYBODY) as ours:
            assert (await ours.get("/api/policy"))["heartbeatInterval"] == 300

    play(scenario())

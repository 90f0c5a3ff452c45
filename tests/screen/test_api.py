"""The control API over real HTTP, with a station that has no supervision to talk to unless the test says so."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR
from forecourt.cabinet.car import Car
from forecourt.runtime.clock import Clock
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.runtime.loop import run
from forecourt.screen.api import ControlApi
from forecourt.screen.bodies import CAR_VALUES
from forecourt.screen.event_stream import BEHIND_LIMIT, Followers
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.effects import CloseContactor
from forecourt.station.events import (
    BadgeShown,
    FrameReceived,
    RevocationListsSet,
    SecurityLogCleared,
    TariffHidden,
    TariffShown,
    VehicleDrawing,
    VehiclePaused,
)
from tests.firmware_signing import Manufacturer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

IDENTITY = "GARAGE 1/A"
PATH = "/api/stations/GARAGE%201%2FA"
SPEED = 60.0
KEY = "00112233445566778899AABBCCDDEEFF"


class Rig:
    """A host with one station, its API and a client."""

    def __init__(self, host: Host, api: ControlApi, client: httpx2.AsyncClient) -> None:
        self.host, self.api, self.client = host, api, client

    async def get(self, path: str = "", status: int = 200) -> Any:
        return self.checked(await self.client.get(PATH + path), status)

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        content = b"" if body is None else msgspec.json.encode(body)
        return self.checked(await self.client.post(PATH + path, content=content), status)

    async def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self.checked(await self.client.put(PATH + path, json=body), status)

    async def delete(self, path: str, status: int = 200) -> Any:
        return self.checked(await self.client.delete(PATH + path), status)

    async def refused(self, method: str, path: str, body: Any, status: int) -> str:
        """The sentence of a refusal."""
        content = b"" if body is None else msgspec.json.encode(body)
        answer = await self.client.request(method, PATH + path, content=content)
        (name, sentence), *others = self.checked(answer, status).items()
        assert (name, others) == ("error", [])
        assert str(sentence).endswith(".")
        return str(sentence)

    @staticmethod
    def checked(answer: httpx2.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json()


@asynccontextmanager
async def open_rig() -> AsyncIterator[Rig]:
    links = Links(close_timeout_s=0.5)
    host = Host(Clock(SPEED), links)
    # Port 9 of this machine: nothing listens there, so the station goes on trying.
    commissioning = Commissioning(IDENTITY, "ws://127.0.0.1:9", "EVD1S180THB", "1S2447000017", "3.5.8803", KEY)
    station = await host.add(commissioning, StationOptions(speed=SPEED))
    station.power(True)
    api = ControlApi(host, port=0, cars={"minivan": MINIVAN})
    await api.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as client:
            yield Rig(host, api, client)
    finally:
        await api.stop()
        await host.stop()
        await links.close(within_s=0.5)


def play(scenario: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20), open_rig() as rig:
            await scenario(rig)

    run(bounded())


KNOWN = "family, city, long-range, 800-volt, van, truck, chademo, minivan (also small, long-distance)"
MINIVAN = msgspec.structs.replace(FAMILY_CAR, battery_kwh=61.0)


def test_reservations_lists_and_guns_out_of_service_are_shown() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.get()
        assert (shown["reservations"], shown["inoperative"], shown["cachedIdTags"]) == ([], [], 0)
        assert shown["localList"] == {"isEnabled": False, "listVersion": 0, "entries": 0}
        (station,) = rig.host.stations.values()
        for action, payload in (
            ("ReserveNow", '{"reservationId":5,"connectorId":2,"idTag":"TAG","expiryDate":"2190-01-01T00:00:00Z"}'),
            ("ChangeAvailability", '{"connectorId":1,"type":"Inoperative"}'),
        ):
            brain = station.brain()
            assert brain is not None
            frame = f'[2,"a","{action}",{payload}]'.encode()
            brain.handle(FrameReceived(frame), station.seat.at)
        shown = await rig.get()
        assert shown["inoperative"] == [1]
        assert shown["reservations"] == [
            {
                "reservationId": 5,
                "connectorId": 2,
                "idTag": "TAG",
                "parentIdTag": None,
                "expiryDate": "2190-01-01T00:00:00Z",
            }
        ]
        assert [row["status"] for row in shown["connectors"]] == ["Unavailable", "Reserved"]

    play(scenario)


def test_stations_are_listed_and_shown_by_their_percent_encoded_identity() -> None:
    async def scenario(rig: Rig) -> None:
        (listed,) = rig.checked(await rig.client.get("/api/stations"), 200)
        shown = await rig.get()
        assert listed["identity"] == shown["identity"] == IDENTITY
        assert (shown["model"], shown["firmware"], shown["power"], shown["network"]) == (
            "EVD1S180THB",
            "3.5.8803",
            True,
            True,
        )
        assert [(row["connectorId"], row["type"], row["status"]) for row in shown["connectors"]] == [
            (1, "CCS2", "Available"),
            (2, "CHAdeMO", "Available"),
        ]
        assert shown["state"] == "running"
        assert KEY not in str(shown)

    play(scenario)


def test_a_car_is_plugged_in_and_out_and_each_gun_gets_one_that_fits() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.post("/connectors/1/plug", {"vehicle": {"battery_kwh": 50, "soc_percent": 33, "mac": None}})
        vehicle = {"battery_kwh": 50.0, "soc_percent": 33.0, "stop_at_soc_percent": 100.0, "mac": None}
        assert shown["connectors"][0]["vehicle"] == vehicle
        assert shown["connectors"][0]["status"] == "Preparing"
        shown = await rig.post("/connectors/2/plug")
        assert shown["connectors"][1]["plugged"]
        shown = await rig.post("/connectors/1/unplug")
        assert (shown["connectors"][0]["vehicle"], shown["connectors"][0]["status"]) == (None, "Available")
        shown = await rig.post("/connectors/1/plug", {"archetype": "small", "soc_percent": 5})
        assert shown["connectors"][0]["vehicle"]["battery_kwh"] == 38.0
        await rig.post("/connectors/1/unplug", {})
        shown = await rig.post("/connectors/1/plug", {"vehicle": "long-distance"})
        assert shown["connectors"][0]["vehicle"]["battery_kwh"] == 93.0
        await rig.post("/connectors/1/unplug", {})
        shown = await rig.post("/connectors/1/plug", {"vehicle": "truck"})
        assert shown["connectors"][0]["vehicle"]["battery_kwh"] == 420.0

    play(scenario)


def test_a_request_can_say_everything_of_a_car_that_a_file_can() -> None:
    assert {*CAR_VALUES} == {*Car.__struct_fields__}


def test_a_car_of_ones_own_is_plugged_in_by_its_name_and_changed_like_any_other() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.post("/connectors/1/plug", {"vehicle": "minivan"})
        assert shown["connectors"][0]["vehicle"]["battery_kwh"] == 61.0
        await rig.post("/connectors/1/unplug")
        cold = {"archetype": "minivan", "battery_temperature_c": -5, "temperature_shares": [[0, 0.5], [20, 1]]}
        await rig.post("/connectors/1/plug", {"vehicle": cold | {"pauses": [[60, 30]], "warming_c_per_percent": 1}})
        (station,) = rig.host.stations.values()
        car = station.connectors()[0].vehicle
        assert car is not None
        assert (car.battery_kwh, car.battery_temperature_c, car.pauses) == (61.0, -5.0, ((60.0, 30.0),))
        assert car.asked_w(20) == pytest.approx(MINIVAN.asked_w(20) / 2)

    play(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/connectors/2/plug", {"vehicle": "family"}, 409, "CHAdeMO"),
        ("POST", "/connectors/3/plug", None, 404, "connectors 1 to 2"),
        ("POST", "/connectors/1/plug", {"vehicle": "tank"}, 400, KNOWN),
        ("POST", "/connectors/1/plug", {"soc_percent": 140}, 400, "between 0 and 100"),
        ("POST", "/connectors/1/plug", {"soc_percent": "full"}, 400, "Expected 'float"),
        ("POST", "/connectors/1/plug", {"vehicle": "family", "mac": "02"}, 400, "both came"),
        ("POST", "/connectors/1/plug", {"colour": "red"}, 400, "battery_kwh"),
        ("POST", "/connectors/1/plug", [], 400, "Expected 'object'"),
        ("POST", "/connectors/1/unplug", None, 409, "no car"),
        ("POST", "/connectors/one/unplug", None, 404, "nothing at"),
        ("POST", "/connectors/1/pause", None, 409, "no car"),
        ("POST", "/connectors/1/resume", None, 409, "no car"),
        ("POST", "/connectors/3/pause", None, 404, "connectors 1 to 2"),
        ("POST", "/connectors/0/resume", None, 404, "connectors 1 to 2"),
        ("POST", "/connectors/1/pause", {"minutes": 1}, 400, "no fields"),
        ("POST", "/badge", {}, 400, "idTag"),
        ("POST", "/badge", {"idTag": "TAG", "uid": ["04"]}, 400, "both came"),
        ("POST", "/badge", {"uid": ["04", "a", "00", "00"]}, 400, "'a' came"),
        ("POST", "/badge", {"uid": ["04", "A2"]}, 400, "4, 7 or 10 bytes"),
        ("POST", "/badge", {"uid": "04A2"}, 400, "array"),
        ("POST", "/badge", {"idTag": "x" * 21}, 400, "1 to 20"),
        ("POST", "/show", {"connector": 0}, 404, "connectors 1 to 2"),
        ("POST", "/tariff", {}, 400, "shown"),
        ("POST", "/tariff", {"shown": "yes"}, 400, "bool"),
        ("POST", "/faults", {"dtc": "0x1"}, 400, "0x1"),
        ("POST", "/faults", {"dtc": "0x100202", "connector": 1}, 400, "whole station"),
        ("DELETE", "/faults/0x100202", None, 404, "not there"),
        ("DELETE", "/faults/nonsense", None, 404, "nonsense"),
        ("POST", "/power", {"on": "yes"}, 400, "bool"),
        ("POST", "/network", {}, 400, "up"),
        ("GET", "/keys/HeartbeatIntervall", None, 404, "HeartbeatInterval"),
        ("PUT", "/keys/HeartbeatInterval", {"value": "-1"}, 400, "from 1"),
        ("PUT", "/keys/Nonsense", {"value": "1"}, 404, "Nonsense"),
        ("GET", "/messages?limit=0", None, 400, "limit"),
        ("GET", "/messages?format=xml", None, 400, "format"),
        ("GET", "/connectors/3/schedule", None, 404, "connectors 1 to 2"),
        ("GET", "/connectors/1/schedule?duration=0", None, 400, "1 to"),
        ("GET", "/connectors/1/schedule?duration=soon", None, 400, "duration"),
        ("GET", "/nothing", None, 404, "nothing at"),
        ("PUT", "/badge", None, 405, "Method"),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(method: str, path: str, body: Any, status: int, said: str) -> None:
    async def scenario(rig: Rig) -> None:
        assert said in await rig.refused(method, path, body, status)

    play(scenario)


def test_a_station_that_is_not_there_is_404_and_names_those_that_are() -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.client.get("/api/stations/OTHER")
        assert (answer.status_code, IDENTITY in answer.json()["error"]) == (404, True)

    play(scenario)


def test_a_second_plug_is_409() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.post("/connectors/1/plug")
        assert "already" in await rig.refused("POST", "/connectors/1/plug", None, 409)

    play(scenario)


def test_without_power_the_station_hears_nothing_but_cars_can_be_plugged() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.post("/power", {"on": False})
        assert (shown["power"], shown["state"], shown["connectors"][0]["status"]) == (False, "dark", None)
        assert shown["firmware"] is None  # an update may have put another version on it
        for method, path, body in (
            ("POST", "/badge", {"idTag": "TAG"}),
            ("POST", "/reboot", None),
            ("POST", "/show", {"connector": 1}),
            ("POST", "/tariff", {"shown": True}),
            ("DELETE", "/security-log", None),
            ("GET", "/keys", None),
            ("GET", "/id-tags", None),
            ("PUT", "/keys/HeartbeatInterval", {"value": "60"}),
        ):
            assert "power" in await rig.refused(method, path, body, 409)
        shown = await rig.post("/connectors/1/plug")
        assert (shown["connectors"][0]["plugged"], shown["connectors"][0]["status"]) == (True, None)
        shown = await rig.post("/power", {"on": True})
        assert shown["connectors"][0]["status"] == "Preparing"

    play(scenario)


def test_a_car_pauses_and_goes_on_as_it_is_told() -> None:
    async def scenario(rig: Rig) -> None:
        heard = hear(rig)
        await rig.post("/connectors/1/plug")
        station = rig.host.stations[IDENTITY]
        station.seat.driver.act(station.seat, lambda now: station.cabinet.handle(CloseContactor(1), now))
        await until(lambda: VehicleDrawing(1) in heard)
        shown = await rig.post("/connectors/1/pause")
        assert VehiclePaused(1) in heard
        assert shown["connectors"][0]["power_w"] == 0
        heard.clear()
        await rig.post("/connectors/1/resume", {})
        await until(lambda: VehicleDrawing(1) in heard)
        assert (await rig.get())["connectors"][0]["power_w"] > 0

    play(scenario)


@pytest.mark.requirement("OCPP-3.9-2")
def test_a_badge_of_bytes_is_read_as_hex_text() -> None:
    async def scenario(rig: Rig) -> None:
        heard = hear(rig)
        badge = {"uid": ["04", "a2", "00", "0F", "10", "20", "30"]}
        assert "locked" in await rig.refused("POST", "/badge", badge, 409)  # it was held, and nothing came of it
        assert BadgeShown("04A2000F102030") in heard

    play(scenario)


def test_the_screen_is_shown_and_the_installer_empties_the_security_log() -> None:
    async def scenario(rig: Rig) -> None:
        heard = hear(rig)
        shown = await rig.get()
        assert (shown["workings"]["takesSessions"], shown["workings"]["queue"], shown["firmwareUpdate"]) == (
            True,
            {},
            None,
        )
        assert shown["clockOffset_s"] == 0
        assert (shown["screen"]["page"], shown["screen"]["isLocked"]) == ("welcome", True)
        await rig.post("/connectors/2/plug")
        shown = await rig.post("/show", {"connector": 2})
        assert (shown["screen"]["page"], shown["screen"]["gun"]["letter"]) == ("gun", "B")
        assert "no Tariff button" in await rig.refused("POST", "/tariff", {"shown": True}, 409)
        assert (await rig.get())["screen"]["page"] == "gun"
        await rig.post("/tariff", {"shown": False})
        await rig.delete("/security-log")
        told = [what for what in heard if isinstance(what, TariffShown | TariffHidden | SecurityLogCleared)]
        assert told == [TariffShown(), TariffHidden(), SecurityLogCleared()]

    play(scenario)


def test_the_installer_gives_revocation_lists_and_what_is_none_is_refused() -> None:
    async def scenario(rig: Rig) -> None:
        heard = hear(rig)
        lists = Manufacturer("Works").revoke() + Manufacturer("Others").revoke()
        await rig.put("/revocation-lists", {"lists": lists})
        sentence = await rig.refused("PUT", "/revocation-lists", {"lists": "nonsense"}, 400)
        assert sentence.startswith("lists: expected revocation lists in PEM")
        await rig.refused("PUT", "/revocation-lists", {"lists": 7}, 400)
        await rig.put("/revocation-lists", {"lists": ""})
        assert [what for what in heard if isinstance(what, RevocationListsSet)] == [
            RevocationListsSet(lists),
            RevocationListsSet(""),
        ]

    play(scenario)


def test_the_tags_that_the_station_knows_are_listed_with_their_status_of_this_moment() -> None:
    async def scenario(rig: Rig) -> None:
        assert await rig.get("/id-tags") == {"localList": [], "cache": []}
        await rig.put("/keys/LocalAuthListEnabled", {"value": "true"})
        (station,) = rig.host.stations.values()
        brain = station.brain()
        assert brain is not None
        entries = (
            '{"idTag":"Good","idTagInfo":{"status":"Accepted","parentIdTag":"FLEET"}},'
            '{"idTag":"PAST","idTagInfo":{"status":"Accepted","expiryDate":"2020-01-01T00:00:00Z"}}'
        )
        update = f'{{"listVersion":1,"updateType":"Full","localAuthorizationList":[{entries}]}}'
        brain.handle(FrameReceived(f'[2,"a","SendLocalList",{update}]'.encode()), station.seat.at)
        assert (await rig.get("/id-tags"))["localList"] == [
            {"idTag": "good", "status": "Accepted", "expiryDate": None, "parentIdTag": "FLEET"},
            {"idTag": "past", "status": "Expired", "expiryDate": "2020-01-01T00:00:00Z", "parentIdTag": None},
        ]

    play(scenario)


def test_a_reboot_takes_the_time_that_the_generation_needs() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.post("/reboot")
        assert shown["state"] == "booting"
        assert "boots" in await rig.refused("POST", "/badge", {"idTag": "TAG"}, 409)
        await until(lambda: rig.host.stations[IDENTITY].brain() is not None)
        assert (await rig.get())["state"] == "running"

    play(scenario)


def test_faults_appear_with_their_description_and_go_away() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.post("/faults", {"dtc": "100205", "connector": 2})
        error = shown["connectors"][1]["error"]
        assert (error["dtc"], error["connector"], shown["errors"]) == ("0x100205", 2, [error])
        assert error["description"]
        assert [row["status"] for row in shown["connectors"]] == ["Available", "Faulted"]
        assert "already" in await rig.refused("POST", "/faults", {"dtc": "0x100205", "connector": 2}, 409)
        assert "connector 1" in await rig.refused("DELETE", "/faults/0x100205?connector=1", None, 404)
        shown = await rig.delete("/faults/0x100205")
        assert (shown["errors"], shown["connectors"][1]["status"]) == ([], "Available")

    play(scenario)


def test_the_installer_reads_and_sets_keys_also_read_only_ones_and_never_sees_the_password() -> None:
    async def scenario(rig: Rig) -> None:
        keys = {row["key"]: row for row in await rig.get("/keys")}
        assert keys["AuthorizationKey"]["value"] is None
        assert keys["ChargeLimitedPower"] == {
            "key": "ChargeLimitedPower",
            "value": "180",
            "access": "RO",
            "type": "integer",
            "unit": "kW",
            "effect": keys["ChargeLimitedPower"]["effect"],
            "default": "180",
            "differs": False,
        }
        assert keys["AuthorizationKey"]["default"] is None
        shown = await rig.put("/keys/chargelimitedpower", {"value": "0150"})
        assert (shown["value"], shown["default"], shown["differs"]) == ("150", "180", True)
        assert (await rig.get("/keys/ChargeLimitedPower"))["value"] == "150"
        assert (await rig.get())["keysChanged"] == {"ChargeLimitedPower": "150"}
        assert (await rig.put("/keys/AuthorizationKey", {"value": "F" * 32}))["value"] is None

    play(scenario)


def test_the_network_switch_is_in_the_snapshot() -> None:
    async def scenario(rig: Rig) -> None:
        shown = await rig.post("/network", {"up": False})
        assert (shown["network"], shown["link"]["state"] == "open") == (False, False)
        assert (await rig.post("/network", {"up": True}))["network"] is True

    play(scenario)


def test_events_are_streamed_with_the_station_first_without_secrets_and_with_samples() -> None:
    async def scenario(rig: Rig) -> None:
        seen: list[tuple[str, dict[str, Any]]] = []
        async with rig.client.stream("GET", f"{PATH}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            seen.append(await next_event(lines))
            await rig.post("/connectors/1/plug")
            await rig.put("/keys/AuthorizationKey", {"value": "ABCDEF" * 6})
            while seen[-1][0] != "Sample":
                seen.append(await next_event(lines))
        names = [name for name, _ in seen]
        assert names[0] == "Station"
        assert names.index("CablePlugged") < names.index("KeySet") < len(names) - 1
        plugged = next(data for name, data in seen if name == "CablePlugged")
        assert (plugged["kind"], plugged["connector"]) == ("event", 1)
        assert seen[-1][1]["connectors"][0]["soc_percent"] == 20.0
        assert "ABCDEF" not in str(seen)
        await until(lambda: rig.host.stations[IDENTITY].seat.listeners is None or len(rig.api._followers) == 0)

    play(scenario)


def test_a_follower_too_far_behind_is_let_go_after_what_it_was_told() -> None:
    async def scenario(rig: Rig) -> None:
        station = rig.host.stations[IDENTITY]
        stream = Followers().follow(station)
        names = [(await anext(stream)).event]
        while station.seat.listeners is not None:
            station.show(1)
        names += [message.event async for message in stream]
        assert names[0] == "Station"
        assert len(names) == 1 + BEHIND_LIMIT

    play(scenario)


def test_stopping_does_not_wait_for_an_open_stream() -> None:
    async def scenario(rig: Rig) -> None:
        async with rig.client.stream("GET", f"{PATH}/events") as stream:
            await next_event(stream.aiter_lines())
            begun = time.monotonic()
            await rig.api.stop()
            assert time.monotonic() - begun < 2.0

    play(scenario)


def test_the_description_names_every_path_and_body_and_loads_nothing_from_elsewhere() -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.client.get("/schema")
        schema = rig.checked(answer, 200)
        assert set(schema["paths"]) == {
            "/api/cars",
            "/api/faults",
            "/api/stations/{identity}/connectors/{connector}/schedule",
            "/api/stations",
            "/api/stations/{identity}",
            "/api/stations/{identity}/connectors/{connector}/plug",
            "/api/stations/{identity}/connectors/{connector}/unplug",
            "/api/stations/{identity}/connectors/{connector}/pause",
            "/api/stations/{identity}/connectors/{connector}/resume",
            "/api/stations/{identity}/badge",
            "/api/stations/{identity}/show",
            "/api/stations/{identity}/tariff",
            "/api/stations/{identity}/security-log",
            "/api/stations/{identity}/revocation-lists",
            "/api/stations/{identity}/faults",
            "/api/stations/{identity}/faults/{dtc}",
            "/api/stations/{identity}/power",
            "/api/stations/{identity}/network",
            "/api/stations/{identity}/reboot",
            "/api/stations/{identity}/keys",
            "/api/stations/{identity}/keys/{key}",
            "/api/stations/{identity}/id-tags",
            "/api/stations/{identity}/messages",
            "/api/stations/{identity}/events",
        }
        body = schema["paths"]["/api/stations/{identity}/badge"]["post"]["requestBody"]
        assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Badge"}
        assert set(schema["components"]["schemas"]["Badge"]["properties"]) == {"idTag", "uid"}
        for path in ("/schema/swagger", "/schema/redoc"):
            assert (await rig.client.get(path)).status_code == 404

    play(scenario)


def hear(rig: Rig) -> list[object]:
    """What happens in the station from now on."""
    heard: list[object] = []
    rig.host.stations[IDENTITY].seat.listen(lambda what, now: heard.append(what))
    return heard


async def next_event(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    name, data = "", ""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data += line.removeprefix("data: ")
        elif not line and data:
            return name, msgspec.json.decode(data)
    raise AssertionError("the stream ended")


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)

"""What the control API tells a page beside the station itself, and why nothing came of a badge."""

from __future__ import annotations

import msgspec

from forecourt.cabinet.archetypes import ARCHETYPES, FAMILY_CAR
from forecourt.station.events import FrameReceived
from tests.page_rig import PageRig, play

MINIVAN = msgspec.structs.replace(FAMILY_CAR, battery_kwh=61.0)


def test_the_cars_are_the_archetypes_and_then_the_users_own() -> None:
    async def scenario(rig: PageRig) -> None:
        cars = (await rig.client.get("/api/cars")).json()
        assert [car["name"] for car in cars] == [*ARCHETYPES, "minivan"]
        family, minivan = cars[0], cars[-1]
        assert family["title"]
        assert (minivan["title"], minivan["battery_kwh"], minivan["inlets"]) == (None, 61.0, ["CCS2"])
        assert minivan["peak_kw"] == max(power_kw for _, power_kw in MINIVAN.curve)
        for car in cars:
            gun = 2 if car["inlets"] == ["CHAdeMO"] else 1
            await rig.act(f"/connectors/{gun}/plug", {"archetype": car["name"]})
            await rig.act(f"/connectors/{gun}/unplug")

    play(scenario, cars={"minivan": MINIVAN})


def test_each_of_the_43_errors_can_be_raised_by_what_the_list_says_of_it() -> None:
    async def scenario(rig: PageRig) -> None:
        faults = (await rig.client.get("/api/faults")).json()
        assert len(faults) == 43
        for fault in faults:
            gun = {"connector": 2} if fault["scope"] == "connector" else {}
            shown = await rig.act("/faults", {"dtc": fault["dtc"], **gun})
            said = {name: shown["errors"][-1][name] for name in ("dtc", "errorCode", "description")}
            assert said == {name: fault[name] for name in said}
            assert shown["errors"][-1]["connector"] == gun.get("connector", 0)

    play(scenario)


def test_a_schedule_tells_what_profiles_and_ratings_leave_over_time() -> None:
    async def scenario(rig: PageRig) -> None:
        path = f"/api/stations/{rig.station.identity}/connectors/1/schedule?duration=7200"
        before = (await rig.client.get(path)).json()
        assert (before["connectorId"], before["duration_s"]) == (1, 7200)
        (rated,) = before["periods"]
        brain = rig.station.brain()
        assert brain is not None
        profile = (
            '{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":'
            '"Relative","chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":'
            '20000},{"startPeriod":3600,"limit":11000}]}}'
        )
        frame = f'[2,"a","SetChargingProfile",{{"connectorId":1,"csChargingProfiles":{profile}}}]'
        brain.handle(FrameReceived(frame.encode()), rig.station.seat.at)
        after = (await rig.client.get(path)).json()
        assert after["periods"] == [{"start_s": 0, "limit_w": 20000.0}, {"start_s": 3600, "limit_w": 11000.0}]
        assert rated["limit_w"] > 20000.0
        whole = (await rig.client.get(path.replace("connectors/1", "connectors/0"))).json()
        assert whole["periods"][0]["limit_w"] > 20000.0
        await rig.act("/power", {"on": False})
        assert (await rig.client.get(path)).status_code == 409

    play(scenario)


def test_messages_are_told_after_a_number_and_as_json_lines() -> None:
    async def scenario(rig: PageRig) -> None:
        wire = rig.station.seat.wire
        assert wire is not None
        for place in range(150):
            wire.add(float(place), ">", b'[2,"%d","Heartbeat",{}]' % place)
        path = f"/api/stations/{rig.station.identity}/messages"
        latest = (await rig.client.get(path)).json()
        assert [row["number"] for row in latest] == list(range(51, 151))
        assert (latest[-1]["messageId"], latest[-1]["action"]) == ("149", "Heartbeat")
        news = (await rig.client.get(f"{path}?after=148")).json()
        assert [row["messageId"] for row in news] == ["148", "149"]
        for answer in (
            await rig.client.get(f"{path}?format=jsonl"),
            await rig.client.get(path, headers={"accept": "application/x-ndjson"}),
        ):
            assert answer.headers["content-type"].startswith("application/x-ndjson")
            assert "attachment" in answer.headers["content-disposition"]
            rows = [msgspec.json.decode(line) for line in answer.content.splitlines()]
            assert (len(rows), rows[-1]) == (150, latest[-1])

    play(scenario)


def test_a_badge_of_which_nothing_comes_is_refused_with_the_stations_own_words() -> None:
    async def scenario(rig: PageRig) -> None:
        refused = await rig.act("/badge", {"idTag": "TAG"}, 409)
        assert refused == {"error": "Badge ignored: no cable is plugged: the screen is locked."}
        await rig.act("/connectors/1/plug")
        refused = await rig.act("/badge", {"idTag": "TAG"}, 409)
        assert refused == {"error": "Badge ignored: the supervision has not accepted the station yet."}
        assert rig.station.seat.listeners is None

    play(scenario)


def test_a_touch_of_which_nothing_comes_is_refused_with_the_stations_own_words() -> None:
    async def scenario(rig: PageRig) -> None:
        locked = {"error": "Touch ignored: no cable is plugged: the screen is locked."}
        assert await rig.act("/show", {"connector": 1}, 409) == locked
        no_button = {"error": "Touch ignored: the screen has no Tariff button."}
        assert await rig.act("/tariff", {"shown": True}, 409) == no_button
        await rig.act("/connectors/1/plug")
        refused = await rig.act("/show", {"connector": 2}, 409)
        assert refused == {"error": "Touch ignored: no cable is plugged at connector 2."}
        assert await rig.act("/tariff", {"shown": True}, 409) == no_button
        assert (await rig.act("/show", {"connector": 1}))["shownConnector"] == 1
        await rig.act("/tariff", {"shown": False})

    play(scenario)
